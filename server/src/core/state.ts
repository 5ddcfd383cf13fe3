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

/** A licence in memory: what decisions look at, and what `evolve` changes. Every step is O(1) or O(log sessions). */
export class LicenseState implements LicenseView {
  terms: Terms;
  checkIns: CheckIns | null = null;
  readonly #entries = new Map<string, Entry>();
  readonly #live = new EndHeap();
  /** Ended by an administrator, known until their old end. */
  readonly #barred = new EndHeap();
  /** Live sessions by holder; a holder without one is not in it. */
  readonly #holders = new Map<string, number>();
  /** Live checkouts by holder; a holder without one is not in it. */
  readonly #checkouts = new Map<string, number>();
  /** The head of each client's list of live sessions. */
  readonly #clients = new Map<string, Entry>();
  readonly #assignments = new Map<string, Assignment>();
  readonly #tokens = new Map<string, Assignment>();
  #assigned = 0;
  #projects = noProjects;
  #items = noItems;

  constructor(terms: Terms) {
    this.terms = terms;
  }

  get openSessions(): number {
    return this.#live.size;
  }

  get holders(): number {
    return this.#holders.size;
  }

  get assigned(): number {
    return this.#assigned;
  }

  get clients(): number {
    return this.#assignments.size;
  }

  get checkedOut(): number {
    return this.#checkouts.size;
  }

  isCheckedOut(holder: string): boolean {
    return this.#checkouts.has(holder);
  }

  session(key: string): Session | undefined {
    return this.#entries.get(key)?.session;
  }

  sessionsOfHolder(holder: string): number {
    return this.#holders.get(holder) ?? 0;
  }

  sessionsOfClient(clientKey: string): Session[] {
    const found: Session[] = [];
    for (let entry = this.#clients.get(clientKey) ?? null; entry !== null; entry = entry.next)
      found.push(entry.session);
    return found;
  }

  nextFreeAt(): Millis | null {
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
    return this.#assignments.get(clientKey);
  }

  assignmentOfToken(tokenKey: string): Assignment | undefined {
    return this.#tokens.get(tokenKey);
  }

  assignments(): Iterable<Assignment> {
    return this.#assignments.values();
  }

  /** Puts a session's new value in place of its old one, if any. Returns its entry. */
  putSession(session: Session): Entry {
    let entry = this.#entries.get(session.key);
    if (entry === undefined) {
      const kept = withNamesOf(this.#assignments.get(session.clientKey), session);
      entry = { session: kept, place: -1, next: null, previous: null, row: 0, loggedIn: 0 };
      this.#entries.set(session.key, entry);
      this.#join(entry);
      return entry;
    }
    const old = entry.session;
    if (old.endedAt === session.endedAt && old.holder === session.holder && old.clientKey === session.clientKey) {
      entry.session = session;
      (session.endedAt === null ? this.#live : this.#barred).moved(entry);
      if (session.endedAt === null) this.#countCheckout(session.holder, checkoutsOf(session) - checkoutsOf(old));
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
    const old = this.#assignments.get(assignment.clientKey);
    if (old !== undefined && old.unassignedAt === null) this.#assigned--;
    if (assignment.unassignedAt === null) this.#assigned++;
    this.#assignments.set(assignment.clientKey, assignment);
    this.#tokens.set(assignment.tokenKey, assignment);
  }

  /** Forgets a client: only ever to undo its first activation. */
  dropAssignment(clientKey: string): void {
    const assignment = this.#assignments.get(clientKey);
    if (assignment === undefined) return;
    if (assignment.unassignedAt === null) this.#assigned--;
    this.#assignments.delete(clientKey);
    this.#tokens.delete(assignment.tokenKey);
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

  attendedProjects(): Iterable<string> {
    return this.#projects.attendedIds();
  }

  sessionsOfProject(id: string): Session[] {
    return this.#projects.sessionsOf(id);
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
    this.#holders.set(session.holder, this.sessionsOfHolder(session.holder) + 1);
    this.#countCheckout(session.holder, checkoutsOf(session));
    const head = this.#clients.get(session.clientKey) ?? null;
    entry.next = head;
    entry.previous = null;
    if (head !== null) head.previous = entry;
    this.#clients.set(session.clientKey, entry);
  }

  #leave(entry: Entry): void {
    const session = entry.session;
    if (session.endedAt !== null) {
      this.#barred.remove(entry);
      return;
    }
    this.#live.remove(entry);
    if (this.terms.clientType === "projects") this.#projects.leave(entry);
    const left = this.sessionsOfHolder(session.holder) - 1;
    if (left === 0) this.#holders.delete(session.holder);
    else this.#holders.set(session.holder, left);
    this.#countCheckout(session.holder, -checkoutsOf(session));
    if (entry.next !== null) entry.next.previous = entry.previous;
    if (entry.previous !== null) entry.previous.next = entry.next;
    else if (entry.next !== null) this.#clients.set(session.clientKey, entry.next);
    else this.#clients.delete(session.clientKey);
    entry.next = null;
    entry.previous = null;
  }

  #countCheckout(holder: string, by: number): void {
    if (by === 0) return;
    const checkouts = (this.#checkouts.get(holder) ?? 0) + by;
    if (checkouts === 0) this.#checkouts.delete(holder);
    else this.#checkouts.set(holder, checkouts);
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
