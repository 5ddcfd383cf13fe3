/**
 * Every denial, in the order in which the checks are made: where several apply, the first of this table is the answer.
 * The one place where a denial's number on the wire, its slug and its HTTP status meet; `docs/reference/errors.md` is
 * generated from it.
 */
export const denials = {
  product_unknown: {
    id: 3000,
    status: 409,
    title: "The product is not known here.",
    remedy: "Check the product id in the application's configuration.",
  },
  customer_unknown: {
    id: 4000,
    status: 409,
    title: "The customer number is not known here.",
    remedy: "Check the customer number.",
  },
  customer_without_token: {
    id: 4001,
    status: 409,
    title: "The customer has no licence with a token for this client.",
    remedy: "Unassign a client that no longer needs its token, or buy more tokens.",
  },
  legacy_key_unknown: {
    id: 2007,
    status: 409,
    title: "No licence has this id or legacy key.",
    remedy: "Check the key; for e-mail domains, the licence's legacy key must be the domain.",
  },
  legacy_key_ambiguous: {
    id: 1005,
    status: 409,
    title: "Several licences have this legacy key.",
    remedy: "Name the licence by its id, or ask the vendor to give each licence a legacy key of its own.",
  },
  heartbeat_type_unknown: {
    id: 5001,
    status: 409,
    title: "The product has no heartbeat type of this id.",
    remedy: "Leave heartbeat_type_id out, or add the type to the product.",
  },
  analytical_field_unknown: {
    id: 6000,
    status: 409,
    title: "No product has an analytical field of this id.",
    remedy: "Check the id, or add the field to the product.",
  },
  analytical_value_no_number: {
    id: 6001,
    status: 409,
    title: "The analytical field takes numbers.",
    remedy: "Send the value as the text of a number, such as 12.5.",
  },
  usage_feature_unknown: {
    id: 3001,
    status: 409,
    title: "No product has this usage feature.",
    remedy: "Check the id or name, add the feature to the product, or ask for it to be created.",
  },
  usage_module_unknown: {
    id: 14012,
    status: 409,
    title: "The product has no such usage module.",
    remedy: "Check the id or name, add the module to the product, or ask for it to be created.",
  },
  license_unknown: {
    id: 1000,
    status: 409,
    title: "There is no licence of this id or key.",
    remedy: "Check the licence id or key.",
  },
  license_without_projects: {
    id: 13015,
    status: 409,
    title: "The licence counts no projects.",
    remedy: "Use a licence whose edition has client_type projects.",
  },
  license_inactive: {
    id: 1002,
    status: 409,
    title: "The licence is not active.",
    remedy: "The vendor can activate it.",
  },
  license_expired: {
    id: 1001,
    status: 409,
    title: "The licence has expired.",
    remedy: "Renew the licence.",
  },
  release_refused: {
    id: 1003,
    status: 409,
    title: "The licence does not cover this release of the software.",
    remedy: "Use a release that the licence covers, or buy the newer one.",
  },
  limitation_unknown: {
    id: 3003,
    status: 409,
    title: "The licence has no limitation of this id.",
    remedy: "Check the limitation's id, or give the edition a value for it.",
  },
  limitation_static: {
    id: 14011,
    status: 409,
    title: "Nothing of this limitation is consumed: it is a plain number.",
    remedy: "Give the limitation a consumption_reset_mode in the edition or licence.",
  },
  license_named: {
    id: 12000,
    status: 409,
    title: "The licence is a named device licence, which has no sessions.",
    remedy: "Activate the device instead; sessions need a floating licence.",
  },
  checkout_negative: {
    id: 12003,
    status: 409,
    title: "The checkout period must be positive.",
    remedy: "Send the period in minutes, or leave it out for an ordinary session.",
  },
  checkout_too_long: {
    id: 14002,
    status: 409,
    title: "The checkout period is longer than the edition allows.",
    remedy: "Ask for a shorter checkout; the message names the longest one.",
  },
  project_id_required: {
    id: 13006,
    status: 409,
    title: "The licence counts projects, and the call names none.",
    remedy: "Send the project_id of the project to connect to.",
  },
  project_unknown: {
    id: 13005,
    status: 409,
    title: "The licence has no project of this id.",
    remedy: "Check the project id, or create the project.",
  },
  project_not_open: {
    id: 13002,
    status: 409,
    title: "The project is closed.",
    remedy: "Open it first.",
  },
  session_id_required: {
    id: 12005,
    status: 409,
    title: "The licence needs a session_id with every open.",
    remedy: "Send a UUID of the application's own as session_id.",
  },
  user_id_required: {
    id: 12004,
    status: 409,
    title: "The licence needs a user_id with every open.",
    remedy: "Send the user's name or address as user_id.",
  },
  user_domain_refused: {
    id: 14006,
    status: 409,
    title: "The licence does not admit users of this mail domain.",
    remedy: "Sign in with an address of the licence's domains, or have the vendor add the domain.",
  },
  token_unknown: {
    id: 2003,
    status: 409,
    title: "There is no token of this key.",
    remedy: "Use the token_key that the activation answered with.",
  },
  token_of_other_client: {
    id: 5000,
    status: 409,
    title: "The token belongs to another client.",
    remedy: "Send the token_key that this client's own activation answered with, or none.",
  },
  client_unknown: {
    id: 2006,
    status: 409,
    title: "The client was never activated.",
    remedy: "Activate the client first.",
  },
  client_unassigned: {
    id: 2002,
    status: 409,
    title: "The client's token was taken back.",
    remedy: "Activate the client again.",
  },
  token_already_unassigned: {
    id: 2004,
    status: 409,
    title: "The token is already unassigned.",
    remedy: "Nothing is left to do.",
  },
  client_suspended: {
    id: 14001,
    status: 409,
    title: "The client is suspended.",
    remedy: "Wait until the suspension ends, or ask the vendor to lift it.",
  },
  token_already_assigned: {
    id: 2001,
    status: 409,
    title: "The token is already assigned.",
    remedy: "The client is active; go on with a heartbeat or a session.",
  },
  tokens_all_assigned: {
    id: 2000,
    status: 409,
    title: "Every token of the licence is assigned.",
    remedy: "Unassign a client that no longer needs its token, or buy more tokens.",
  },
  session_ended_by_admin: {
    id: 14004,
    status: 409,
    title: "An administrator ended this session.",
    remedy: "Open a new session (with a new session_id), or wait until the old one's end.",
  },
  session_on_other_project: {
    id: 13007,
    status: 409,
    title: "The session is live on another project.",
    remedy: "Close it first, or use a session_id of its own for every project.",
  },
  session_of_other_holder: {
    id: 14003,
    status: 409,
    title: "The session is live for another user.",
    remedy: "Use a session_id of its own for every user.",
  },
  session_forked: {
    id: 14005,
    status: 409,
    title: "The session was extended by somebody else, as by a copy of this machine or its files.",
    remedy: "Open a session with a session_id of its own; each copy needs its own.",
  },
  user_already_active: {
    id: 12006,
    status: 409,
    title: "The user already has a live session, and the edition allows one.",
    remedy: "Close the user's other session, or wait until it lapses.",
  },
  project_in_use: {
    id: 13001,
    status: 409,
    title: "The project is opened with a Mono token and already has its user.",
    remedy: "Ask the user to disconnect, or close the project and open it as Team.",
  },
  sessions_exhausted: {
    id: 12002,
    status: 409,
    title: "The holder has as many live sessions as its token allows.",
    remedy: "Close one of the holder's other sessions, or wait until one lapses.",
  },
  kind_locked: {
    id: 13004,
    status: 409,
    title: "The kind of an open project cannot change.",
    remedy: "Save the project, close it and open it with the other kind.",
  },
  project_attended: {
    id: 13003,
    status: 409,
    title: "Somebody is connected to the project.",
    remedy: "Ask the users to disconnect, or force it.",
  },
  tokens_held: {
    id: 14007,
    status: 409,
    title: "A backup was restored: tokens given after it was made are held for their users.",
    remedy: "Wait until the hold ends, one session period after the restore.",
  },
  tokens_exhausted: {
    id: 1007,
    status: 409,
    title: "Every floating token is in use.",
    remedy: "Wait until a session ends, or buy more tokens.",
  },
  checkouts_exhausted: {
    id: 14008,
    status: 409,
    title: "As many tokens are checked out as the edition allows.",
    remedy: "Open an ordinary session, or wait until a checkout ends.",
  },
  kind_required: {
    id: 13009,
    status: 409,
    title: "The kind to open the project with is missing.",
    remedy: "Send kind: mono or team; the edition has no default.",
  },
  project_executing: {
    id: 13008,
    status: 409,
    title: "An execution of the project is running.",
    remedy: "Wait until it has finished, or force it.",
  },
  project_name_taken: {
    id: 13010,
    status: 409,
    title: "The licence already has a project of this name.",
    remedy: "Choose another name, or go on with the project that has it.",
  },
  projects_exhausted: {
    id: 13011,
    status: 409,
    title: "The licence has as many projects as the server keeps.",
    remedy: "Delete projects that nobody needs any more.",
  },
  session_unknown: {
    id: 12001,
    status: 409,
    title: "There is no such live session.",
    remedy: "It was closed or has lapsed already; nothing is left to do.",
  },
  executions_exhausted: {
    id: 13012,
    status: 409,
    title: "The project has as many running executions as the server keeps.",
    remedy: "Wait until one of them has finished.",
  },
  execution_unknown: {
    id: 13013,
    status: 409,
    title: "The project has no execution of this id.",
    remedy: "Check the execution id.",
  },
  execution_over: {
    id: 13014,
    status: 409,
    title: "The execution is over.",
    remedy: "Start a new one; a report cannot bring it back.",
  },
  voucher_out: {
    id: 14009,
    status: 409,
    title: "A voucher of the session is out.",
    remedy: "Check in on the device that has the voucher, wait for its end, or have an administrator end the session.",
  },
  check_ins_exhausted: {
    id: 14010,
    status: 409,
    title: "The licence has had as many early check-ins this month as the edition allows.",
    remedy: "Keep the voucher: the token comes back at its end.",
  },
  transaction_unknown: {
    id: 14013,
    status: 409,
    title: "There is no such consumption to roll back.",
    remedy:
      "It was rolled back or given back already, its period is over, or a thousand newer ones have been granted since.",
  },
  rollback_exhausted: {
    id: 14014,
    status: 409,
    title: "What was given back has been consumed again.",
    remedy: "The quota does not allow both. Ask for a higher limit, or wait for the next period.",
  },
  user_known: {
    id: 1008,
    status: 409,
    title: "The licence already has a user of this id.",
    remedy: "Change the user that is there.",
  },
  users_exhausted: {
    id: 1009,
    status: 409,
    title: "The licence has as many active users as it may have.",
    remedy: "Deactivate or delete a user, or raise the licence's user_limit.",
  },
  user_unknown: {
    id: 1010,
    status: 409,
    title: "The licence has no user of this id.",
    remedy: "Register the user first.",
  },
} as const satisfies Readonly<Record<string, DenialEntry>>;

interface DenialEntry {
  /** The number that SLASCONE's clients know, or from 14000 on one of ours. */
  readonly id: number;
  readonly status: 409;
  readonly title: string;
  /** What a person can do about it. */
  readonly remedy: string;
}

/** The stable name of a denial: the `code` of problem details and of the denial log. */
export type DenialCode = keyof typeof denials;

/**
 * Denials of somebody who wanted to work and was not let in. All others are of programs (a close of what is over, bad input,
 * things that are unknown or not in order) or of what takes no token (projects, quotas, vouchers that come back): they are
 * on record and counted by reason, but nobody went without.
 */
const keepingOut: ReadonlySet<DenialCode> = new Set([
  "customer_without_token",
  "license_inactive",
  "license_expired",
  "release_refused",
  "user_domain_refused",
  "client_unassigned",
  "client_suspended",
  "tokens_all_assigned",
  "session_ended_by_admin",
  "session_on_other_project",
  "session_of_other_holder",
  "session_forked",
  "user_already_active",
  "project_in_use",
  "sessions_exhausted",
  "tokens_held",
  "tokens_exhausted",
  "checkouts_exhausted",
]);

/** Whether a denial kept somebody out who wanted in: only those can be true denials. */
export function keepsOut(code: DenialCode): boolean {
  return keepingOut.has(code);
}
