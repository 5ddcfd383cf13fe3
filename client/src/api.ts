/** Made by scripts/client-types.ts from docs/reference/openapi.json. Edit neither: `npm run docs`. */

export type SessionBody = {
  /** The licence to take a token of. */
  readonly license_id: string;
  /** The device, or on a users licence the user's client. The vendor chooses what it is. */
  readonly client_id: string;
  /** The session, where a client may have several; without one the client is the session, on a users licence each of its users. */
  readonly session_id?: string | null;
  /** Who uses the client; on a users licence the token is counted against this name. */
  readonly user_id?: string | null;
  /** Ours: the project to connect to, on a licence that counts projects; ignored on every other. */
  readonly project_id?: string | null;
  /** Minutes, fractions allowed, for which the session is checked out instead of the edition's session period. 0 is the same as none. */
  readonly checkout_period?: number | null;
  /** Ours: the caller waits for a token, and asks again within so many seconds. Where none is free for it (1007) it takes a place in the licence's queue, or keeps the one it has; as many free tokens as there are callers before it are not for others. The place is kept for 15 seconds more. 0 is the same as none. */
  readonly wait_seconds?: number | null;
  /** Ours: whether to answer with a signed statement of the session, for use offline. With every checkout, unless false; with any other open if asked. */
  readonly voucher?:
    | boolean
    | {
        /** Told back in the voucher, to know it for a new one. */
        readonly nonce?: string | null;
        /** The thumbprint (RFC 7638) of a key of the device's: the voucher is good there alone. */
        readonly device_key?: string | null;
      }
    | null;
  /** Ours: the `renewal` of the session's last answer, or an empty text where there was none. A copy of the client that carries an older one is denied (14005). A client that never sends it is not looked after. */
  readonly renewal?: string | null;
};

export type SessionAnswer = {
  /** Always true: what is not granted is a 409. */
  readonly is_session_valid: boolean;
  /** Extend, or close, before then. */
  readonly session_valid_until: string;
  readonly session_created_date: string;
  readonly session_modified_date: string;
  /** The most open sessions of the licence that this session's opens and extends saw. */
  readonly max_open_session_count: number;
  /** The same of tokens in use. */
  readonly max_active_client_count: number;
  /** A signed statement of the session (JWT, EdDSA), with checkouts and where asked for. */
  readonly voucher?: string;
  /** What the next open carries, where this one carried any. */
  readonly renewal?: string;
};

export type CloseBody = {
  /** The licence to take a token of. */
  readonly license_id: string;
  /** The device, or on a users licence the user's client. The vendor chooses what it is. */
  readonly client_id: string;
  /** The session, where a client may have several; without one the client is the session, on a users licence each of its users. */
  readonly session_id?: string | null;
  /** Who uses the client; on a users licence the token is counted against this name. */
  readonly user_id?: string | null;
  /** Ours: the project to connect to, on a licence that counts projects; ignored on every other. */
  readonly project_id?: string | null;
  /** Minutes, fractions allowed, for which the session is checked out instead of the edition's session period. 0 is the same as none. */
  readonly checkout_period?: number | null;
  /** Ours: the caller waits for a token, and asks again within so many seconds. Where none is free for it (1007) it takes a place in the licence's queue, or keeps the one it has; as many free tokens as there are callers before it are not for others. The place is kept for 15 seconds more. 0 is the same as none. */
  readonly wait_seconds?: number | null;
  /** Ours: the device's proof that it gave the session's voucher up, a JWS (EdDSA, type `seatkeeper-check-in+jwt`) with its key as `jwk` in the header and the voucher's `jti` as `voucher_id` in the content. */
  readonly check_in?: string | null;
};

export type BatchBody = {
  readonly items: readonly {
    readonly op: "open" | "close";
    /** The licence to take a token of. */
    readonly license_id: string;
    /** The device, or on a users licence the user's client. The vendor chooses what it is. */
    readonly client_id: string;
    /** The session, where a client may have several; without one the client is the session, on a users licence each of its users. */
    readonly session_id?: string | null;
    /** Who uses the client; on a users licence the token is counted against this name. */
    readonly user_id?: string | null;
    /** Ours: the project to connect to, on a licence that counts projects; ignored on every other. */
    readonly project_id?: string | null;
    /** Minutes, fractions allowed, for which the session is checked out instead of the edition's session period. 0 is the same as none. */
    readonly checkout_period?: number | null;
    /** Ours: the caller waits for a token, and asks again within so many seconds. Where none is free for it (1007) it takes a place in the licence's queue, or keeps the one it has; as many free tokens as there are callers before it are not for others. The place is kept for 15 seconds more. 0 is the same as none. */
    readonly wait_seconds?: number | null;
  }[];
};

export type BatchAnswer = {
  readonly results: readonly {
    readonly status: number;
    /** As the single call would answer. */
    readonly body: unknown;
  }[];
};

export type ClientTokenBody = {
  /** The licence whose tokens the page may take. */
  readonly license_id: string;
  /** Who sits before the page, as the backend knows it. */
  readonly user_id: string;
  /** The `client_id` that the page must send; the user's name unless said otherwise. */
  readonly client_id?: string | null;
  /** On a licence that counts projects: the one that the page may connect to. */
  readonly project_id?: string | null;
  /** How long the token is good; 600 unless said otherwise. */
  readonly lifetime_seconds?: number | null;
};

export type ClientTokenAnswer = {
  /** For `Authorization: Bearer`. */
  readonly token: string;
  readonly token_type: "Bearer";
  readonly expires_at: string;
};

export type ActivationBody = {
  /** The product that the software is. */
  readonly product_id: string;
  /** The licence's id, a token key, or a legacy key where the product puts those first. */
  readonly license_key: string;
  /** The device, or on a users licence the user's client. The vendor chooses what it is. */
  readonly client_id: string;
  /** What people call the client. */
  readonly client_name?: string | null;
  /** Anything worth knowing of the client. */
  readonly client_description?: string | null;
  /** The version of the software, as the vendor counts. */
  readonly software_version?: string | null;
  /** Taken and not used: an activation is of the instant in which it arrives. */
  readonly timestamp_utc?: string | null;
  /** Taken and not used. */
  readonly tags?: readonly string[] | null;
};

export type LicenseStatus = {
  readonly customer: {
    readonly customer_id: string;
    readonly company_name: string;
    readonly customer_number: string;
  };
  readonly license_name: string | null;
  /** The licence's id: the license_id of sessions. */
  readonly license_key: string;
  readonly token_key: string | null;
  readonly legacy_license_key: string | null;
  readonly client_id: string | null;
  readonly client_description: string | null;
  readonly product_name: string;
  readonly product_id: string;
  readonly template_name: string;
  readonly template_id: string;
  /** 0 named, 1 floating. */
  readonly provisioning_mode: 0 | 1;
  /** 0 devices, 1 users, 2 projects. */
  readonly client_type: 0 | 1 | 2;
  readonly is_license_active: boolean;
  readonly is_license_expired: boolean;
  /** Active and not expired. */
  readonly is_license_valid: boolean;
  readonly start_date_utc: string | null;
  /** In the year 9999: never. */
  readonly expiration_date_utc: string;
  readonly token_limit: number;
  readonly floating_token_limit: number;
  /** Minutes. */
  readonly session_period: number;
  /** Minutes. */
  readonly heartbeat_period: number;
  /** Days. */
  readonly freeride: number;
  readonly features: readonly {
    readonly id: string;
    readonly name: string;
    readonly is_active: boolean;
    readonly expiration_date_utc: string | null;
  }[];
  readonly limitations: readonly {
    readonly id: string;
    readonly name: string;
    /** Null: unlimited. */
    readonly value: number | null;
    /** 0 where `value` is null. */
    readonly remaining: number;
    /** 0: nothing is consumed of it. */
    readonly consumption_reset_mode: number;
    readonly consumption_reset_period_days: number | null;
  }[];
  readonly variables: readonly {
    readonly id: string;
    readonly name: string;
    readonly value: string;
  }[];
  readonly constrained_variables: readonly {
    readonly id: string;
    readonly name: string;
    readonly value: readonly string[];
  }[];
  /** Whether the licence covers the client's release. */
  readonly is_software_version_valid: boolean;
  /** When this answer was made. */
  readonly created_date_utc: string;
};

export type HeartbeatBody = {
  /** The product that the software is. */
  readonly product_id: string;
  /** The device, or on a users licence the user's client. The vendor chooses what it is. */
  readonly client_id: string;
  /** The version of the software, as the vendor counts. */
  readonly software_version: string;
  /** The client's operating system. */
  readonly operating_system: string;
  /** Who uses the client. */
  readonly user_id?: string | null;
  /** The token key that the client's activation answered with. */
  readonly token_key?: string | null;
  /** Taken and not used. */
  readonly group_id?: string | null;
  /** One of the product's heartbeat types. */
  readonly heartbeat_type_id?: string | null;
};

export type LookUpBody = {
  /** The product that the software is. */
  readonly product_id?: string | null;
  /** A licence's id or legacy key: for users, the domain of their mail address. */
  readonly license_key?: string | null;
};

export type FoundLicenses = readonly {
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
}[];

export type TokensAnswer = readonly {
  readonly kind: string;
  readonly total: number;
  readonly used: number;
  readonly left: number;
}[];

export type ProjectBody = {
  /** A licence that counts projects. */
  readonly license_id: string;
  /** Unique on its licence. */
  readonly name: string;
};

export type ProjectAnswer = {
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

export type ProgressAnswer = {
  readonly state: "idle" | "running" | "finished" | "failed" | "stopped";
  /** It runs and has not reported for 10 minutes. */
  readonly stale: boolean;
  readonly fraction: number | null;
  readonly units_done: number | null;
  readonly units_total: number | null;
  readonly message: string | null;
  readonly started_at: string | null;
  readonly updated_at: string | null;
};

export type ExecutionBody = {
  /** The caller's live session on the project. */
  readonly session_id?: string | null;
  /** The client whose session it is; of several, the one that has been in longest. */
  readonly client_id?: string | null;
  /** What the work is called. */
  readonly name: string;
  readonly units_total?: number | null;
};

export type ExecutionAnswer = {
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
  readonly secret: string;
};

export type ReportBody = {
  /** What starting it answered with. */
  readonly secret: string;
  readonly units_done?: number | null;
  /** Anything worth telling. */
  readonly message?: string | null;
  readonly state?: "running" | "finished" | "failed" | null;
};
