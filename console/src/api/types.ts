/** Made by scripts/client-types.ts from docs/reference/openapi.json. Edit neither: `npm run docs`. */

export type SignedIn = {
  /** The vendor: what the addresses of its calls begin with. */
  readonly isv_id: string;
  readonly isv_name: string;
  readonly key_id: string;
  readonly key_name: string;
  readonly role: "viewer" | "operator" | "owner";
  /** Unless it is used before then. */
  readonly valid_until: string;
};

export type Overview = {
  readonly items: readonly {
    readonly license_id: string;
    readonly license_name: string | null;
    readonly customer_name: string;
    readonly product_name: string;
    readonly edition_name: string;
    readonly state: "valid" | "expired" | "inactive";
    readonly pools: readonly {
      /** `floating`, `named`, `mono` or `team`. */
      readonly pool: string;
      readonly in_use: number;
      readonly limit: number;
      /** The most at once since the day began. */
      readonly peak_today: number;
    }[];
    /** Refused requests of somebody who wanted in. */
    readonly denials_today: number;
    /** Holders who were refused and not served within five minutes. */
    readonly true_denials_today: number;
  }[];
  readonly page: number;
  readonly page_size: number;
  readonly total: number;
  /** When the day began. */
  readonly today: string;
  /** The same of all licences. */
  readonly denials_today: number;
  /** Holders who were refused and not served within five minutes. */
  readonly true_denials_today: number;
};

export type Usage = {
  readonly items: readonly {
    readonly start: string;
    readonly end: string;
    /** The most tokens in use at once. */
    readonly max: number;
    /** Tokens in use, weighted by time. */
    readonly mean: number;
    /** As of the bucket's last event; of several licences, as of now. */
    readonly limit: number | null;
    readonly sessions_opened: number;
    readonly sessions_closed: number;
    /** Ended by silence: nobody closed them. */
    readonly sessions_expired: number;
    /** By an administrator, or because their token was taken away. */
    readonly sessions_ended: number;
    /** Sessions that were granted beyond the limit. */
    readonly overuse: number;
  }[];
  /** What is later is not counted yet. */
  readonly counted_until: string;
};

export type DenialChart = {
  readonly items: readonly {
    readonly start: string;
    readonly end: string;
    /** Refused requests of somebody who wanted in; of `reason`, if it is given. */
    readonly denials: number;
    /** All refused requests by their denial's code. */
    readonly by_reason: Readonly<Record<string, number>>;
    /** Repeated attempts of one holder are one episode, counted where it began. */
    readonly episodes: number;
    /** Episodes whose holder was not served within five minutes. */
    readonly true_denials: number;
    /** Episodes whose holder was. */
    readonly false_denials: number;
    readonly wait_mean_seconds: number | null;
    readonly wait_max_seconds: number | null;
  }[];
  /** What is later is not counted yet. */
  readonly counted_until: string;
};

export type DeniedHolders = {
  readonly items: readonly {
    /** The user in the form that is compared; on a devices licence the client. */
    readonly holder: string;
    /** Refused requests of somebody who wanted in; of `reason`, if it is given. */
    readonly denials: number;
    /** All refused requests by their denial's code. */
    readonly by_reason: Readonly<Record<string, number>>;
    /** Repeated attempts of one holder are one episode, counted where it began. */
    readonly episodes: number;
    /** Episodes whose holder was not served within five minutes. */
    readonly true_denials: number;
    /** Episodes whose holder was. */
    readonly false_denials: number;
    readonly wait_mean_seconds: number | null;
    readonly wait_max_seconds: number | null;
  }[];
};

export type DeniedLicenses = {
  readonly items: readonly {
    readonly license_id: string;
    readonly license_name: string | null;
    /** Refused requests of somebody who wanted in; of `reason`, if it is given. */
    readonly denials: number;
    /** All refused requests by their denial's code. */
    readonly by_reason: Readonly<Record<string, number>>;
    /** Repeated attempts of one holder are one episode, counted where it began. */
    readonly episodes: number;
    /** Episodes whose holder was not served within five minutes. */
    readonly true_denials: number;
    /** Episodes whose holder was. */
    readonly false_denials: number;
    readonly wait_mean_seconds: number | null;
    readonly wait_max_seconds: number | null;
  }[];
};

export type HeatMap = {
  readonly items: readonly {
    /** 1: Monday … 7: Sunday. */
    readonly weekday: number;
    readonly hour: number;
    readonly mean: number;
    readonly max: number;
    /** Refused requests of somebody who wanted in; of `mono` and `team`, who wanted such a token. */
    readonly denials: number;
  }[];
  /** What is later is not counted yet. */
  readonly counted_until: string;
};

export type Holders = {
  readonly items: readonly {
    /** The user in the form that is compared; on a devices licence the client. */
    readonly holder: string;
    /** Of sessions that have ended; beside each other they count each. */
    readonly session_seconds: number;
    readonly sessions: number;
    /** Ended by silence: nobody closed them. */
    readonly sessions_expired: number;
    /** Opened within a quarter of an hour after one had lapsed. */
    readonly reopened_late: number;
    readonly activations: number;
    /** Hours of the clock in which one session was extended from several addresses by turns. */
    readonly several_addresses: number;
    /** Refused requests while the holder wanted in. */
    readonly denials: number;
    readonly true_denials: number;
  }[];
};

export type Signs = {
  readonly items: readonly {
    /** The user in the form that is compared; on a devices licence the client. */
    readonly holder: string;
    /** renews_late, never_closes, id_shared, several_addresses, wanders */
    readonly sign: string;
    readonly cases: number;
    /** Sessions; for `several_addresses` hours, for `wanders` days. */
    readonly out_of: number;
    readonly message: string;
  }[];
};

export type Advice = {
  /** `more`, `fewer`, `enough`, or `unknown` before a week is counted. */
  readonly verdict: string;
  readonly observed_days: number;
  readonly limit: number;
  readonly peak: number;
  /** So many sufficed for 95 % of the time in which any was in use. */
  readonly p95: number;
  /** Holders who lacked a token and did not get one within five minutes. */
  readonly true_denials_per_week: number;
  readonly overuse_per_week: number;
  readonly suggested_limit: number | null;
  readonly message: string;
};

export type DenialLog = {
  readonly items: readonly {
    readonly at: string;
    readonly license_id: string;
    readonly license_name: string | null;
    readonly client_id: string | null;
    readonly user_id: string | null;
    /** The number that the client was answered. */
    readonly error_id: number;
    /** The same in words. */
    readonly code: string;
    /** Tokens in use at that instant. */
    readonly in_use: number;
    readonly limit: number;
  }[];
  readonly page: number;
  readonly page_size: number;
  readonly total: number;
};

export type LicensePage = {
  readonly items: readonly {
    readonly id: string;
    readonly customer_id: string;
    readonly product_id: string;
    readonly template_id: string;
    readonly token_limit: number;
    readonly goodwill_token_limit: number;
    readonly floating_token_limit: number;
    readonly legacy_license_key: string | null;
    readonly name: string | null;
    readonly is_active: boolean;
    readonly is_expired: boolean;
    readonly is_valid: boolean;
    readonly start_date_utc: string | null;
    readonly expiration_date_utc: string | null;
    readonly customer: {
      readonly id: string;
      readonly company_name: string;
      readonly customer_number: string;
    };
    readonly product: {
      readonly id: string;
      readonly name: string;
    };
    readonly template: {
      readonly id: string;
      readonly name: string;
      /** 0 named, 1 floating. */
      readonly provisioning_mode: 0 | 1;
      /** 0 devices, 1 users, 2 projects. */
      readonly client_type: 0 | 1 | 2;
      readonly enforce_floating_limit: boolean;
      readonly session_period: number | null;
      readonly max_floating_sessions_with_same_client_id: number;
      readonly heartbeat_period: number;
      readonly free_ride: number;
    };
    /** All of the product's, on or off. */
    readonly license_features: readonly {
      readonly feature_id: string;
      readonly feature_name: string;
      readonly is_active: boolean;
    }[];
    readonly license_limitations: readonly {
      readonly limitation_id: string;
      /** Null: none. */
      readonly limit: number | null;
      readonly consumption_reset_period_days: number | null;
      readonly limitation_name: string | null;
      /** 0: nothing is consumed of it. */
      readonly consumption_reset_mode: number;
    }[];
    readonly license_variables: readonly {
      readonly variable_id: string;
      readonly variable_name: string | null;
      readonly value: string;
    }[];
    readonly license_constrained_variables: readonly {
      readonly variable_id: string;
      readonly variable_name: string | null;
      readonly values: readonly string[];
    }[];
    readonly software_release_limitation: {
      readonly id: string;
      readonly software_release: string;
    } | null;
    /** 0 named, 1 floating. */
    readonly provisioning_mode: 0 | 1;
    /** 0 devices, 1 users, 2 projects. */
    readonly client_type: 0 | 1 | 2;
    /** The version that `If-Match` may name, also where the licence is one of a list. */
    readonly etag: string;
    readonly project_tokens: {
      readonly mono: number;
      readonly team: number;
    } | null;
    readonly allowed_user_domains: readonly string[];
    /** What the licence says itself, as a change takes it. What stands in no list is the edition's; a change gives a list whole, so to leave something out gives it back to the edition. */
    readonly own_parts: {
      readonly license_features: readonly {
        readonly feature_id: string;
        readonly is_active: boolean;
        readonly expiration_date_utc: string | null;
      }[];
      readonly license_limitations: readonly {
        readonly limitation_id: string;
        /** Null: none. */
        readonly limit: number | null;
        readonly consumption_reset_period_days: number | null;
        /** Null: the edition's. */
        readonly consumption_reset_mode: number | null;
      }[];
      readonly license_variables: readonly {
        readonly variable_id: string;
        readonly value: string;
      }[];
      readonly license_constrained_variables: readonly {
        readonly variable_id: string;
        readonly values: readonly string[];
      }[];
      readonly software_release_limitation_id: string | null;
    };
  }[];
  readonly page: number;
  readonly page_size: number;
  readonly total: number;
};

export type NewLicense = {
  /** The id to be; drawn by the server if left out, null or all zeros. */
  readonly id?: string | null;
  /** Its customer. */
  readonly customer_id: string;
  /** The edition's product, if at all. */
  readonly product_id?: string | null;
  /** Its edition. */
  readonly template_id: string;
  /** The client that is activated at once, where the edition says 3. */
  readonly client_id?: string | null;
  /** Shown to applications. */
  readonly name?: string | null;
  readonly token_limit?: number | null;
  readonly goodwill_token_limit?: number | null;
  readonly floating_token_limit?: number | null;
  readonly project_tokens?: {
    readonly mono: number;
    readonly team: number;
  } | null;
  /** A key of the vendor's own by which applications may name the licence. */
  readonly legacy_license_key?: string | null;
  readonly allowed_user_domains?: readonly string[] | null;
  /** An inactive licence denies. */
  readonly is_active?: boolean | null;
  /** From when on it is valid, as applications are told. */
  readonly start_date_utc?: string | null;
  /** When the licence is over; null: never. */
  readonly expiration_date_utc?: string | null;
  /** The newest release that is covered; null: the edition's. */
  readonly software_release_limitation_id?: string | null;
  readonly user_limit?: number | null;
  /** Features that are otherwise than in the edition, all of them. */
  readonly license_features?:
    | readonly {
        /** A feature of the product. */
        readonly feature_id: string;
        readonly is_active?: boolean | null;
        /** The feature is off from then on. */
        readonly expiration_date_utc?: string | null;
      }[]
    | null;
  /** Limitations that are otherwise than in the edition, all of them. */
  readonly license_limitations?:
    | readonly {
        /** A limitation of the product. */
        readonly limitation_id: string;
        readonly limit?: number | null;
        /** When what is consumed counts anew: 0 nothing is consumed, 1 never, 2 every so many days, 3 month, 4 quarter, 5 year. */
        readonly consumption_reset_mode?: number | null;
        readonly consumption_reset_period_days?: number | null;
      }[]
    | null;
  readonly license_variables?:
    | readonly {
        /** A variable of the product. */
        readonly variable_id: string;
        readonly value: string;
      }[]
    | null;
  readonly license_constrained_variables?:
    | readonly {
        /** A constrained variable of the product. */
        readonly variable_id: string;
        readonly values: readonly string[];
      }[]
    | null;
};

export type License = {
  readonly id: string;
  readonly customer_id: string;
  readonly product_id: string;
  readonly template_id: string;
  readonly token_limit: number;
  readonly goodwill_token_limit: number;
  readonly floating_token_limit: number;
  readonly legacy_license_key: string | null;
  readonly name: string | null;
  readonly is_active: boolean;
  readonly is_expired: boolean;
  readonly is_valid: boolean;
  readonly start_date_utc: string | null;
  readonly expiration_date_utc: string | null;
  readonly customer: {
    readonly id: string;
    readonly company_name: string;
    readonly customer_number: string;
  };
  readonly product: {
    readonly id: string;
    readonly name: string;
  };
  readonly template: {
    readonly id: string;
    readonly name: string;
    /** 0 named, 1 floating. */
    readonly provisioning_mode: 0 | 1;
    /** 0 devices, 1 users, 2 projects. */
    readonly client_type: 0 | 1 | 2;
    readonly enforce_floating_limit: boolean;
    readonly session_period: number | null;
    readonly max_floating_sessions_with_same_client_id: number;
    readonly heartbeat_period: number;
    readonly free_ride: number;
  };
  /** All of the product's, on or off. */
  readonly license_features: readonly {
    readonly feature_id: string;
    readonly feature_name: string;
    readonly is_active: boolean;
  }[];
  readonly license_limitations: readonly {
    readonly limitation_id: string;
    /** Null: none. */
    readonly limit: number | null;
    readonly consumption_reset_period_days: number | null;
    readonly limitation_name: string | null;
    /** 0: nothing is consumed of it. */
    readonly consumption_reset_mode: number;
  }[];
  readonly license_variables: readonly {
    readonly variable_id: string;
    readonly variable_name: string | null;
    readonly value: string;
  }[];
  readonly license_constrained_variables: readonly {
    readonly variable_id: string;
    readonly variable_name: string | null;
    readonly values: readonly string[];
  }[];
  readonly software_release_limitation: {
    readonly id: string;
    readonly software_release: string;
  } | null;
  /** 0 named, 1 floating. */
  readonly provisioning_mode: 0 | 1;
  /** 0 devices, 1 users, 2 projects. */
  readonly client_type: 0 | 1 | 2;
  /** The version that `If-Match` may name, also where the licence is one of a list. */
  readonly etag: string;
  readonly project_tokens: {
    readonly mono: number;
    readonly team: number;
  } | null;
  readonly allowed_user_domains: readonly string[];
  /** What the licence says itself, as a change takes it. What stands in no list is the edition's; a change gives a list whole, so to leave something out gives it back to the edition. */
  readonly own_parts: {
    readonly license_features: readonly {
      readonly feature_id: string;
      readonly is_active: boolean;
      readonly expiration_date_utc: string | null;
    }[];
    readonly license_limitations: readonly {
      readonly limitation_id: string;
      /** Null: none. */
      readonly limit: number | null;
      readonly consumption_reset_period_days: number | null;
      /** Null: the edition's. */
      readonly consumption_reset_mode: number | null;
    }[];
    readonly license_variables: readonly {
      readonly variable_id: string;
      readonly value: string;
    }[];
    readonly license_constrained_variables: readonly {
      readonly variable_id: string;
      readonly values: readonly string[];
    }[];
    readonly software_release_limitation_id: string | null;
  };
};

export type ChangedLicense = {
  /** The licence. */
  readonly id: string;
  /** Its customer. */
  readonly customer_id?: string | null;
  /** The edition's product, if at all. */
  readonly product_id?: string | null;
  /** An edition of the same product that counts alike. */
  readonly template_id?: string | null;
  /** Shown to applications. */
  readonly name?: string | null;
  readonly token_limit?: number | null;
  readonly goodwill_token_limit?: number | null;
  readonly floating_token_limit?: number | null;
  readonly project_tokens?: {
    readonly mono: number;
    readonly team: number;
  } | null;
  /** A key of the vendor's own by which applications may name the licence. */
  readonly legacy_license_key?: string | null;
  readonly allowed_user_domains?: readonly string[] | null;
  /** An inactive licence denies. */
  readonly is_active?: boolean | null;
  /** From when on it is valid, as applications are told. */
  readonly start_date_utc?: string | null;
  /** When the licence is over; null: never. */
  readonly expiration_date_utc?: string | null;
  /** The newest release that is covered; null: the edition's. */
  readonly software_release_limitation_id?: string | null;
  readonly user_limit?: number | null;
  /** Features that are otherwise than in the edition, all of them. */
  readonly license_features?:
    | readonly {
        /** A feature of the product. */
        readonly feature_id: string;
        readonly is_active?: boolean | null;
        /** The feature is off from then on. */
        readonly expiration_date_utc?: string | null;
      }[]
    | null;
  /** Limitations that are otherwise than in the edition, all of them. */
  readonly license_limitations?:
    | readonly {
        /** A limitation of the product. */
        readonly limitation_id: string;
        readonly limit?: number | null;
        /** When what is consumed counts anew: 0 nothing is consumed, 1 never, 2 every so many days, 3 month, 4 quarter, 5 year. */
        readonly consumption_reset_mode?: number | null;
        readonly consumption_reset_period_days?: number | null;
      }[]
    | null;
  readonly license_variables?:
    | readonly {
        /** A variable of the product. */
        readonly variable_id: string;
        readonly value: string;
      }[]
    | null;
  readonly license_constrained_variables?:
    | readonly {
        /** A constrained variable of the product. */
        readonly variable_id: string;
        readonly values: readonly string[];
      }[]
    | null;
};

export type SessionPage = {
  readonly items: readonly {
    /** What ending it takes; not the client's own `session_id`. */
    readonly id: string;
    readonly client_id: string | null;
    readonly user_id: string | null;
    readonly session_id: string | null;
    readonly project_id: string | null;
    readonly project_name: string | null;
    readonly opened_at: string;
    /** The last open or extend. */
    readonly extended_at: string;
    readonly valid_until: string;
    /** Checked out, for use without a connection. */
    readonly is_checkout: boolean;
    readonly checked_out_until: string | null;
    /** Until when a voucher of it is good; null: none is out. */
    readonly voucher_until: string | null;
    /** Its token was granted beyond the limit. */
    readonly is_overuse: boolean;
    /** Live sessions on the same token. */
    readonly sessions_of_holder: number;
  }[];
  readonly page: number;
  readonly page_size: number;
  readonly total: number;
};

export type Queue = readonly {
  /** The place among those who wait for the same pool, from 1. */
  readonly position: number;
  readonly pool: "floating" | "mono" | "team";
  readonly client_id: string | null;
  readonly user_id: string | null;
  /** On a licence that counts projects. */
  readonly project_id: string | null;
  readonly since: string;
  /** The place is lost unless it is asked for again by then. */
  readonly kept_until: string;
}[];

export type Clients = readonly {
  readonly id: string;
  readonly license_id: string;
  readonly product_id: string;
  readonly device_name: string | null;
  readonly device_description: string | null;
  readonly token_key: string | null;
  readonly client_id: string;
  readonly activated: boolean;
  readonly is_goodwill_license: boolean;
  readonly has_heartbeats: boolean;
  readonly activated_date_utc: string;
  readonly software_version: string | null;
  readonly operating_system: string | null;
  readonly suspended_until_utc: string | null;
}[];

export type Pools = readonly {
  readonly kind: string;
  readonly total: number;
  readonly used: number;
  readonly left: number;
}[];

export type LicenseEvents = {
  readonly items: readonly {
    readonly at: string;
    readonly kind: string;
    readonly client_id: string | null;
    readonly user_id: string | null;
    readonly session_id: string | null;
    readonly project_id: string | null;
    /** Of a denial: the number that the client was answered. */
    readonly error_id: number | null;
    readonly code: string | null;
    /** Tokens in use at that instant. */
    readonly in_use: number;
    readonly limit: number;
    readonly is_overuse: boolean;
  }[];
  /** Where the next page begins; null: there is none. A page may be short, or empty, and yet have a next. */
  readonly next: number | null;
};

export type Balance = readonly {
  /** Null: nothing was consumed, because the quota did not allow it. */
  readonly transaction_id: string | null;
  readonly limitation_id: string;
  /** Below nothing where goodwill was used up; null: unlimited. */
  readonly remaining: number | null;
  readonly limit: number | null;
  /** Percent of the limit that may be consumed beyond it. */
  readonly goodwill: number;
  readonly last_reset_date_utc: string;
  readonly next_reset_date_utc: string | null;
}[];

export type Product = {
  readonly id: string;
  readonly name: string;
  /** What a client's `license_key` is looked up by first: 0 the licence's id, 1 its legacy key. */
  readonly prioritized_key: number;
  readonly features: readonly {
    readonly id: string;
    readonly product_id: string;
    readonly name: string;
    readonly description: string | null;
  }[];
  readonly limitations: readonly {
    readonly id: string;
    readonly product_id: string;
    readonly name: string;
    readonly description: string | null;
  }[];
  readonly variables: readonly {
    readonly id: string;
    readonly product_id: string;
    readonly name: string;
    readonly description: string | null;
  }[];
  readonly heartbeat_types: readonly {
    readonly id: string;
    readonly product_id: string;
    readonly name: string;
    readonly description: string | null;
  }[];
  readonly constrained_variables: readonly {
    readonly id: string;
    readonly product_id: string;
    readonly name: string;
    readonly description: string | null;
    readonly values: readonly string[];
  }[];
  readonly software_release_limitations: readonly {
    readonly id: string;
    readonly product_id: string;
    readonly name: string;
    readonly description: string | null;
    readonly software_release: string;
  }[];
  readonly analytical_fields: readonly {
    readonly id: string;
    readonly product_id: string;
    readonly name: string;
    readonly description: string | null;
  }[];
  readonly usage_features: readonly {
    readonly id: string;
    readonly product_id: string;
    readonly name: string;
    readonly description: string | null;
  }[];
  readonly usage_modules: readonly {
    readonly id: string;
    readonly product_id: string;
    readonly name: string;
    readonly description: string | null;
  }[];
};

export type NewEdition = {
  /** The id to be; drawn by the server if left out, null or all zeros. */
  readonly id?: string | null;
  /** Its product. Cannot change. */
  readonly product_id: string;
  /** Unique among the editions of its product. */
  readonly name: string;
  /** 0 named, 1 floating. Cannot change. */
  readonly provisioning_mode: number;
  /** 0 devices, 1 users, 2 projects. Cannot change. */
  readonly client_type: number;
  /** False: beyond the limit is granted, and on record. */
  readonly enforce_floating_limit?: boolean | null;
  /** Sessions that one holder may have at a time, on one token. 0 is the same as 1. */
  readonly max_floating_sessions_with_same_client_id?: number | null;
  readonly session_period?: number | null;
  /** Minutes; 0: none. */
  readonly max_checkout_period?: number | null;
  /** The most tokens that may be checked out at once; null: any number. */
  readonly max_checked_out_tokens?: number | null;
  /** Tokens that no checkout may take. */
  readonly checkout_reserve?: number | null;
  /** Vouchers that may be given up before their end, for each licence and month; null: any number. */
  readonly max_early_check_ins_per_month?: number | null;
  readonly heartbeat_period?: number | null;
  readonly heartbeats_extend_sessions?: boolean | null;
  /** Days. */
  readonly free_ride?: number | null;
  /** Cannot change. */
  readonly is_temporary?: boolean | null;
  /** Null: users yes, devices no. */
  readonly activate_on_open?: boolean | null;
  /** Which client is activated when a licence is created: 1 the customer's number, 2 its e-mail address, 3 the call's `client_id`. 0, 4 and 5 are kept as they are; null: none. */
  readonly activation_upon_license_creation?: number | null;
  readonly require_session_id?: boolean | null;
  readonly require_user_id?: boolean | null;
  readonly one_session_per_user?: boolean | null;
  readonly default_project_kind?: "mono" | "team" | null;
  readonly allow_kind_switch?: boolean | null;
  readonly mono_same_user?: "refuse" | "allow" | null;
  readonly token_limit?: number | null;
  readonly goodwill_token_limit?: number | null;
  readonly floating_token_limit?: number | null;
  /** The newest release that is covered, of the product's; null: every one. */
  readonly software_release_limitation_id?: string | null;
  /** Whether clients of a release that is not covered are activated all the same. */
  readonly allows_invalid_software_release?: boolean | null;
  readonly user_limit?: number | null;
  /** The features that are on, all of them; one with `is_active` false is as one left out. */
  readonly features?:
    | readonly {
        /** A feature of the product. */
        readonly feature_id: string;
        readonly is_active?: boolean | null;
      }[]
    | null;
  /** All of them; a `limit` of null is none. */
  readonly limitations?:
    | readonly {
        /** A limitation of the product. */
        readonly limitation_id: string;
        readonly limit?: number | null;
        /** When what is consumed counts anew: 0 nothing is consumed, 1 never, 2 every so many days, 3 month, 4 quarter, 5 year. */
        readonly consumption_reset_mode?: number | null;
        readonly consumption_reset_period_days?: number | null;
        /** Percent beyond the limit. */
        readonly goodwill?: number | null;
        /** False: beyond the limit is counted and not refused. */
        readonly enforce_limit?: boolean | null;
      }[]
    | null;
  readonly variables?:
    | readonly {
        /** A variable of the product. */
        readonly variable_id: string;
        readonly value: string;
      }[]
    | null;
  readonly constrained_variables?:
    | readonly {
        /** A constrained variable of the product. */
        readonly variable_id: string;
        readonly values: readonly string[];
      }[]
    | null;
};

export type Edition = {
  readonly id: string;
  readonly product_id: string;
  readonly name: string;
  /** 0 named, 1 floating. Cannot change. */
  readonly provisioning_mode: number;
  /** 0 devices, 1 users, 2 projects. Cannot change. */
  readonly client_type: number;
  readonly session_period: number | null;
  readonly enforce_floating_limit: boolean;
  readonly max_floating_sessions_with_same_client_id: number;
  readonly max_checkout_period: number;
  readonly max_checked_out_tokens: number | null;
  readonly checkout_reserve: number;
  readonly max_early_check_ins_per_month: number | null;
  readonly heartbeat_period: number;
  readonly free_ride: number;
  readonly token_limit: number;
  readonly goodwill_token_limit: number;
  readonly floating_token_limit: number;
  readonly default_project_kind: "mono" | "team" | null;
  readonly allow_kind_switch: boolean;
  /** All of the product's, on or off. */
  readonly features: readonly {
    readonly feature_id: string;
    readonly feature_name: string;
    readonly is_active: boolean;
  }[];
  readonly limitations: readonly {
    readonly limitation_id: string;
    /** Null: none. */
    readonly limit: number | null;
    readonly consumption_reset_period_days: number | null;
    readonly limitation_name: string | null;
    /** 0: nothing is consumed of it. */
    readonly consumption_reset_mode: number;
    readonly goodwill: number;
    readonly enforce_limit: boolean;
  }[];
  readonly variables: readonly {
    readonly variable_id: string;
    readonly variable_name: string | null;
    readonly value: string;
  }[];
  readonly constrained_variables: readonly {
    readonly variable_id: string;
    readonly variable_name: string | null;
    readonly values: readonly string[];
  }[];
  readonly software_release_limitation_id: string | null;
  readonly product_name: string;
  /** Licences of this edition. */
  readonly license_count: number;
};

export type ChangedEdition = {
  /** The edition. */
  readonly id: string;
  /** Its product, if at all: it cannot change. */
  readonly product_id?: string | null;
  /** Unique among the editions of its product. */
  readonly name?: string | null;
  /** 0 named, 1 floating. Cannot change. */
  readonly provisioning_mode?: number | null;
  /** 0 devices, 1 users, 2 projects. Cannot change. */
  readonly client_type?: number | null;
  /** False: beyond the limit is granted, and on record. */
  readonly enforce_floating_limit?: boolean | null;
  /** Sessions that one holder may have at a time, on one token. 0 is the same as 1. */
  readonly max_floating_sessions_with_same_client_id?: number | null;
  readonly session_period?: number | null;
  /** Minutes; 0: none. */
  readonly max_checkout_period?: number | null;
  /** The most tokens that may be checked out at once; null: any number. */
  readonly max_checked_out_tokens?: number | null;
  /** Tokens that no checkout may take. */
  readonly checkout_reserve?: number | null;
  /** Vouchers that may be given up before their end, for each licence and month; null: any number. */
  readonly max_early_check_ins_per_month?: number | null;
  readonly heartbeat_period?: number | null;
  readonly heartbeats_extend_sessions?: boolean | null;
  /** Days. */
  readonly free_ride?: number | null;
  /** Cannot change. */
  readonly is_temporary?: boolean | null;
  /** Null: users yes, devices no. */
  readonly activate_on_open?: boolean | null;
  /** Which client is activated when a licence is created: 1 the customer's number, 2 its e-mail address, 3 the call's `client_id`. 0, 4 and 5 are kept as they are; null: none. */
  readonly activation_upon_license_creation?: number | null;
  readonly require_session_id?: boolean | null;
  readonly require_user_id?: boolean | null;
  readonly one_session_per_user?: boolean | null;
  readonly default_project_kind?: "mono" | "team" | null;
  readonly allow_kind_switch?: boolean | null;
  readonly mono_same_user?: "refuse" | "allow" | null;
  readonly token_limit?: number | null;
  readonly goodwill_token_limit?: number | null;
  readonly floating_token_limit?: number | null;
  /** The newest release that is covered, of the product's; null: every one. */
  readonly software_release_limitation_id?: string | null;
  /** Whether clients of a release that is not covered are activated all the same. */
  readonly allows_invalid_software_release?: boolean | null;
  readonly user_limit?: number | null;
  /** The features that are on, all of them; one with `is_active` false is as one left out. */
  readonly features?:
    | readonly {
        /** A feature of the product. */
        readonly feature_id: string;
        readonly is_active?: boolean | null;
      }[]
    | null;
  /** All of them; a `limit` of null is none. */
  readonly limitations?:
    | readonly {
        /** A limitation of the product. */
        readonly limitation_id: string;
        readonly limit?: number | null;
        /** When what is consumed counts anew: 0 nothing is consumed, 1 never, 2 every so many days, 3 month, 4 quarter, 5 year. */
        readonly consumption_reset_mode?: number | null;
        readonly consumption_reset_period_days?: number | null;
        /** Percent beyond the limit. */
        readonly goodwill?: number | null;
        /** False: beyond the limit is counted and not refused. */
        readonly enforce_limit?: boolean | null;
      }[]
    | null;
  readonly variables?:
    | readonly {
        /** A variable of the product. */
        readonly variable_id: string;
        readonly value: string;
      }[]
    | null;
  readonly constrained_variables?:
    | readonly {
        /** A constrained variable of the product. */
        readonly variable_id: string;
        readonly values: readonly string[];
      }[]
    | null;
};

export type Customer = {
  readonly id: string;
  readonly company_name: string;
  readonly customer_number: string;
  readonly email: string | null;
};

export type Project = {
  readonly id: string;
  readonly license_id: string;
  readonly license_name: string | null;
  readonly name: string;
  readonly state: "closed" | "open";
  readonly kind: "mono" | "team" | null;
  /** The server was told so since the project was opened, or it was closed after that. */
  readonly saved: boolean;
  readonly saved_at: string | null;
  readonly users: readonly {
    readonly user_id: string;
    readonly client_id: string;
    readonly session_id: string | null;
    readonly since: string;
    readonly valid_until: string;
  }[];
  readonly executing: boolean;
  readonly executions: readonly {
    readonly id: string;
    readonly name: string;
    readonly state: "idle" | "running" | "finished" | "failed" | "stopped";
    /** It runs and has not reported for 10 minutes. */
    readonly stale: boolean;
    readonly fraction: number | null;
    readonly units_done: number | null;
    readonly units_total: number | null;
    readonly message: string | null;
    readonly started_at: string | null;
    readonly updated_at: string | null;
  }[];
};

export type KeyPage = {
  readonly items: readonly {
    readonly id: string;
    readonly name: string;
    readonly role: "provisioning" | "admin";
    /** Of provisioning keys. `app`: ships inside software. */
    readonly scope: "app" | "backend" | null;
    /** Of admin keys. `viewer` reads; `operator` ends sessions, suspends and unassigns too; `owner` may do everything. */
    readonly admin_role: "viewer" | "operator" | "owner" | null;
    readonly response_signature: "rsa" | "none";
    readonly is_active: boolean;
    readonly product_id: string | null;
    readonly customer_id: string | null;
    readonly license_id: string | null;
  }[];
  readonly page: number;
  readonly page_size: number;
  readonly total: number;
};

export type NewKey = {
  /** Unique among the vendor's keys. */
  readonly name: string;
  readonly role: "provisioning" | "admin";
  /** Of provisioning keys. `app`: ships inside software. */
  readonly scope?: "app" | "backend" | null;
  /** Of admin keys. `viewer` reads; `operator` ends sessions, suspends and unassigns too; `owner` may do everything. */
  readonly admin_role?: "viewer" | "operator" | "owner" | null;
  readonly response_signature?: "rsa" | "none" | null;
  /** A provisioning key reaches only licences of this product. */
  readonly product_id?: string | null;
  /** A provisioning key reaches only licences of this customer. */
  readonly customer_id?: string | null;
  /** A provisioning key reaches only this licence. */
  readonly license_id?: string | null;
};

export type CreatedKey = {
  readonly id: string;
  readonly name: string;
  readonly role: "provisioning" | "admin";
  /** Of provisioning keys. `app`: ships inside software. */
  readonly scope: "app" | "backend" | null;
  /** Of admin keys. `viewer` reads; `operator` ends sessions, suspends and unassigns too; `owner` may do everything. */
  readonly admin_role: "viewer" | "operator" | "owner" | null;
  readonly response_signature: "rsa" | "none";
  readonly is_active: boolean;
  readonly product_id: string | null;
  readonly customer_id: string | null;
  readonly license_id: string | null;
  /** What goes into the header. It is kept by nobody and never shown again. */
  readonly secret: string;
};

export type Vendor = {
  readonly id: string;
  readonly name: string;
  /** Whether names of users are shown to owners alone, and as pseudonyms to everybody else. */
  readonly shows_pseudonyms: boolean;
};

export type AuditPage = {
  readonly items: readonly {
    readonly at: string;
    /** The key that it was done with; null: without one. */
    readonly key_id: string | null;
    /** The key's name then, or what stood in its place, such as `tenant files`. */
    readonly key_name: string;
    /** What the header of that name said. */
    readonly last_modified_by: string | null;
    readonly act: string;
    readonly kind:
      | "isv"
      | "product"
      | "edition"
      | "customer"
      | "license"
      | "key"
      | "session"
      | "assignment"
      | "user"
      | "limitation";
    readonly id: string;
    /** The entity as it was, by the names of tenant files; of a product's lists only the parts that differ. Null: it was not there. */
    readonly before: unknown;
    /** The same of what it became; null: it is gone. */
    readonly after: unknown;
  }[];
  readonly page: number;
  readonly page_size: number;
  readonly total: number;
};
