import { EndHeap, type Entry } from "./heap.ts";
import { Items } from "./items.ts";
import { Projects } from "./projects.ts";
import type {
  Assignment,
  CheckIns,
  Consumption,
  Item,
  ItemKind,
  LicenseUser,
  LicenseView,
  Millis,
  Project,
  ProjectKind,
  Quota,
  Session,
  Terms,
  Ticket,
} from "./types.ts";

/** What a licence has that never had any: nearly all of many licences have neither, and empty maps weigh more than a session. */
const noProjects = new Projects();
const noItems = new Items();

/** Whoever a licence knows by a name: as one of its clients, as a holder of sessions or, mostly, as both. */
interface Party {
  /** As a client: its assignment, and the head of the list of its live sessions. */
  assignment: Assignment | undefined;
  sessions: Entry | null;
  /** As a holder: how many live sessions count against it, and how many of them are checkouts. */
  held: number;
  checkouts: number;
}

/** A licence in memory: what decisions look at, and what `evolve` changes. Every step is O(1) or O(log sessions). */
export class LicenseState implements LicenseView {
  terms: Terms;
  checkIns: CheckIns | null = null;
  readonly #entries = new Map<string, Entry>();
  readonly #live = new EndHeap<Entry>();
  /** Ended by an administrator, known until their old end. */
  readonly #barred = new EndHeap<Entry>();
  /** By client key and by holder. Nobody is in it who is neither a client nor holds anything. */
  readonly #parties = new Map<string, Party>();
  readonly #tokens = new Map<string, Assignment>();
  #clients = 0;
  #assigned = 0;
  #onGoodwill = 0;
  #holders = 0;
  #checkedOut = 0;
  /** How far `assignedClients` has come. */
  #walk: Iterator<Assignment> | null = null;
  #projects = noProjects;
  #items = noItems;

  constructor(terms: Terms) {
    this.terms = terms;
  }

  get openSessions(): number {
    return this.#live.size;
  }

  get holders(): number {
    return this.#holders;
  }

  get assigned(): number {
    return this.#assigned;
  }

  get onGoodwill(): number {
    return this.#onGoodwill;
  }

  get clients(): number {
    return this.#clients;
  }

  get checkedOut(): number {
    return this.#checkedOut;
  }

  isCheckedOut(holder: string): boolean {
    return (this.#parties.get(holder)?.checkouts ?? 0) > 0;
  }

  session(key: string): Session | undefined {
    return this.#entries.get(key)?.session;
  }

  sessionsOfHolder(holder: string): number {
    return this.#parties.get(holder)?.held ?? 0;
  }

  sessionsOfClient(clientKey: string): Session[] {
    const found: Session[] = [];
    const head = this.#parties.get(clientKey)?.sessions ?? null;
    for (let entry = head; entry !== null; entry = entry.next) found.push(entry.session);
    return found;
  }

  nextFreeAt(pool: ProjectKind | null = null): Millis | null {
    if (pool !== null) return this.#projects.earliestEnd(pool);
    return this.#live.first()?.session.validUntil ?? null;
  }

  nextDueAt(): Millis {
    return Math.min(this.sessionsEndAt(), this.#tokensEndAt(), this.#items.ticketsEndAt);
  }

  /** No line of history will tell of an earlier instant: what lapses stands there with its own end. */
  sessionsEndAt(): Millis {
    const live = this.#live.first()?.session.validUntil ?? Number.POSITIVE_INFINITY;
    const barred = this.#barred.first()?.session.validUntil ?? Number.POSITIVE_INFINITY;
    return Math.min(live, barred);
  }

  /** When the clients of a temporary licence lose their tokens. */
  #tokensEndAt(): Millis {
    const { isTemporary, expiresAt } = this.terms;
    return isTemporary && this.#assigned > 0 && expiresAt !== null ? expiresAt : Number.POSITIVE_INFINITY;
  }

  due(now: Millis, limit: number): Session[] {
    const live = this.#live.due(now, limit);
    return live.length < limit ? live.concat(this.#barred.due(now, limit - live.length)) : live;
  }

  *sessions(): Iterable<Session> {
    for (const entry of this.#entries.values()) yield entry.session;
  }

  assignment(clientKey: string): Assignment | undefined {
    return this.#parties.get(clientKey)?.assignment;
  }

  assignedClients(limit: number): Assignment[] {
    const found: Assignment[] = [];
    // At most once from where the last round ended, and once from the beginning.
    for (let tries = 0; tries < 2 && found.length === 0; tries++) {
      this.#walk ??= this.assignments()[Symbol.iterator]();
      while (found.length < limit && this.#walk !== null) {
        const { done, value } = this.#walk.next();
        if (done === true) this.#walk = null;
        else if (value.unassignedAt === null) found.push(value);
      }
    }
    return found;
  }

  assignmentOfToken(tokenKey: string): Assignment | undefined {
    return this.#tokens.get(tokenKey);
  }

  *assignments(): Iterable<Assignment> {
    for (const { assignment } of this.#parties.values()) if (assignment !== undefined) yield assignment;
  }

  /** Puts a session's new value in place of its old one, if any. Returns its entry. */
  putSession(session: Session): Entry {
    let entry = this.#entries.get(session.key);
    if (entry === undefined) {
      const kept = withNamesOf(this.assignment(session.clientKey), session);
      entry = { session: kept, place: -1, next: null, previous: null, row: 0, loggedIn: 0 };
      this.#entries.set(session.key, entry);
      this.#join(entry);
      return entry;
    }
    const old = entry.session;
    if (old.endedAt === session.endedAt && old.holder === session.holder && old.clientKey === session.clientKey) {
      entry.session = session;
      (session.endedAt === null ? this.#live : this.#barred).moved(entry);
      if (this.terms.clientType === "projects" && session.endedAt === null) this.#projects.extended(entry);
      const checkouts = checkoutsOf(session) - checkoutsOf(old);
      if (session.endedAt === null && checkouts !== 0) this.#hold(this.#partyOf(session.holder), 0, checkouts);
      return entry;
    }
    this.#leave(entry);
    entry.session = session;
    this.#join(entry);
    return entry;
  }

  /** Forgets a session, live or not. Returns its entry; undefined: it was not known. */
  dropSession(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#leave(entry);
    this.#entries.delete(key);
    return entry;
  }

  /** Brings back an entry that `dropSession` took out: the very same one, since a store may know it by more than its value. */
  restoreSession(entry: Entry): void {
    this.#entries.set(entry.session.key, entry);
    this.#join(entry);
  }

  putAssignment(assignment: Assignment): void {
    const party = this.#partyOf(assignment.clientKey);
    const old = party.assignment;
    if (old === undefined) this.#clients++;
    else this.#countAssigned(old, -1);
    this.#countAssigned(assignment, 1);
    party.assignment = assignment;
    this.#tokens.set(assignment.tokenKey, assignment);
  }

  /** Forgets a client: to undo its first activation, or because it has another name from now on. */
  dropAssignment(clientKey: string): void {
    const party = this.#parties.get(clientKey);
    if (party?.assignment === undefined) return;
    this.#countAssigned(party.assignment, -1);
    this.#clients--;
    this.#tokens.delete(party.assignment.tokenKey);
    party.assignment = undefined;
    this.#forgetIfNobody(clientKey, party);
  }

  get projectCount(): number {
    return this.#projects.size;
  }

  attended(kind: ProjectKind): number {
    return this.#projects.attended(kind);
  }

  project(id: string): Project | undefined {
    return this.#projects.get(id);
  }

  projectNamed(nameKey: string): Project | undefined {
    return this.#projects.named(nameKey);
  }

  projects(): Iterable<Project> {
    return this.#projects.all();
  }

  attendedProjects(kind: ProjectKind): Iterable<string> {
    return this.#projects.attendedIds(kind);
  }

  sessionsOfProject(id: string, limit = Number.POSITIVE_INFINITY): Session[] {
    return this.#projects.sessionsOf(id, limit);
  }

  putProject(project: Project): void {
    this.#ownProjects().put(project);
  }

  dropProject(id: string): void {
    this.#projects.drop(id);
  }

  quota(limitationId: string): Quota | undefined {
    return this.#items.get("quota", limitationId);
  }

  consumption(transactionId: string): Consumption | undefined {
    return this.#items.get("consumption", transactionId);
  }

  consumptionNumbered(limitationId: string, no: number): Consumption | undefined {
    return this.#items.consumptions(limitationId).get(no);
  }

  consumptions(limitationId: string): Iterable<Consumption> {
    return this.#items.consumptions(limitationId).values();
  }

  get userCount(): number {
    return this.#items.count("user");
  }

  get activeUsers(): number {
    return this.#items.activeUsers;
  }

  user(userKey: string): LicenseUser | undefined {
    return this.#items.get("user", userKey);
  }

  users(): Iterable<LicenseUser> {
    return this.#items.all("user");
  }

  get ticketCount(): number {
    return this.#items.count("ticket");
  }

  ticket(holder: string): Ticket | undefined {
    return this.#items.get("ticket", holder);
  }

  tickets(): Iterable<Ticket> {
    return this.#items.all("ticket");
  }

  items(): Iterable<Item> {
    return this.#items.everything();
  }

  get itemCount(): number {
    return this.#items.size;
  }

  item(kind: ItemKind, key: string): Item | undefined {
    return this.#items.get(kind, key);
  }

  putItem(item: Item): void {
    if (this.#items === noItems) this.#items = new Items();
    this.#items.put(item);
  }

  dropItem(kind: ItemKind, key: string): void {
    this.#items.drop(kind, key);
  }

  #ownProjects(): Projects {
    if (this.#projects === noProjects) this.#projects = new Projects();
    return this.#projects;
  }

  #join(entry: Entry): void {
    const session = entry.session;
    if (session.endedAt !== null) {
      this.#barred.add(entry);
      return;
    }
    this.#live.add(entry);
    if (this.terms.clientType === "projects") this.#ownProjects().attend(entry);
    const client = this.#partyOf(session.clientKey);
    const holder = session.holder === session.clientKey ? client : this.#partyOf(session.holder);
    this.#hold(holder, 1, checkoutsOf(session));
    const head = client.sessions;
    entry.next = head;
    entry.previous = null;
    if (head !== null) head.previous = entry;
    client.sessions = entry;
  }

  #leave(entry: Entry): void {
    const session = entry.session;
    if (session.endedAt !== null) {
      this.#barred.remove(entry);
      return;
    }
    this.#live.remove(entry);
    if (this.terms.clientType === "projects") this.#projects.leave(entry);
    const client = this.#partyOf(session.clientKey);
    const holder = session.holder === session.clientKey ? client : this.#partyOf(session.holder);
    this.#hold(holder, -1, -checkoutsOf(session));
    if (entry.next !== null) entry.next.previous = entry.previous;
    if (entry.previous !== null) entry.previous.next = entry.next;
    else client.sessions = entry.next;
    entry.next = null;
    entry.previous = null;
    this.#forgetIfNobody(session.clientKey, client);
    if (holder !== client) this.#forgetIfNobody(session.holder, holder);
  }

  #countAssigned({ unassignedAt, isGoodwill }: Assignment, by: number): void {
    if (unassignedAt !== null) return;
    this.#assigned += by;
    if (isGoodwill) this.#onGoodwill += by;
  }

  #partyOf(name: string): Party {
    const known = this.#parties.get(name);
    if (known !== undefined) return known;
    const made: Party = { assignment: undefined, sessions: null, held: 0, checkouts: 0 };
    this.#parties.set(name, made);
    return made;
  }

  #forgetIfNobody(name: string, { assignment, sessions, held }: Party): void {
    if (assignment === undefined && sessions === null && held === 0) this.#parties.delete(name);
  }

  #hold(holder: Party, sessions: number, checkouts: number): void {
    const [held, checkedOut] = [holder.held > 0, holder.checkouts > 0];
    holder.held += sessions;
    holder.checkouts += checkouts;
    this.#holders += Number(holder.held > 0) - Number(held);
    this.#checkedOut += Number(holder.checkouts > 0) - Number(checkedOut);
  }
}

/** A session with its client's own strings where they are equal: a row, or a request, brings each of them anew. */
function withNamesOf(client: Assignment | undefined, session: Session): Session {
  if (client === undefined) return session;
  const { clientId, clientKey, userId } = client;
  return {
    ...session,
    clientKey,
    clientId: session.clientId === clientId ? clientId : session.clientId,
    userId: session.userId === userId ? userId : session.userId,
    holder: session.holder === clientKey ? clientKey : session.holder,
  };
}

function checkoutsOf({ checkoutUntil }: Session): number {
  return checkoutUntil === null ? 0 : 1;
}
