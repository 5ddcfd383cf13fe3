import { EndHeap } from "./heap.ts";
import { Items } from "./items.ts";
import type { Chain } from "./packed/records.ts";
import { Shelf } from "./packed/shelf.ts";
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
  Standing,
  Terms,
  Ticket,
} from "./types.ts";

/** What a licence has that never had any: nearly all of many licences have neither, and empty maps weigh more than a session. */
const noProjects = new Projects();
const noItems = new Items();

/**
 * A licence in memory: what decisions look at, and what `evolve` changes. Every step is O(1) or O(log sessions). Sessions and
 * clients stand on a shelf, which licences may share, and are told here by their slots.
 */
export class LicenseState implements LicenseView {
  terms: Terms;
  checkIns: CheckIns | null = null;
  readonly #shelf: Shelf;
  /** What it is called on the shelf. */
  readonly #no: number;
  readonly #live: EndHeap<number>;
  /** Ended by an administrator, known until their old end. */
  readonly #barred: EndHeap<number>;
  /** Everybody that it knows by a name, in the order in which they came: the first and the last one. */
  readonly #partyEnds = { first: 0, last: 0 };
  #clients = 0;
  #assigned = 0;
  #onGoodwill = 0;
  #holders = 0;
  #checkedOut = 0;
  /** Where `assignedClients` goes on; 0: at the beginning. */
  #walk = 0;
  #projects = noProjects;
  #items = noItems;

  constructor(terms: Terms, shelf = new Shelf()) {
    this.terms = terms;
    this.#shelf = shelf;
    this.#no = shelf.add(this);
    this.#live = new EndHeap(shelf.sessions);
    this.#barred = new EndHeap(shelf.sessions);
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
    const slot = this.#find(holder);
    return slot !== 0 && this.#shelf.parties.checkoutsOf(slot) > 0;
  }

  session(key: string): Session | undefined {
    const slot = this.slotOf(key);
    return slot === 0 ? undefined : this.#shelf.sessions.get(slot);
  }

  /** For the store: by which it knows the session's row; 0: there is no such session. */
  slotOf(key: string): number {
    return this.#shelf.sessions.find(this.#no, key);
  }

  sessionsOfHolder(holder: string): number {
    const slot = this.#find(holder);
    return slot === 0 ? 0 : this.#shelf.parties.heldBy(slot);
  }

  sessionsOfClient(clientKey: string): Session[] {
    const { sessions, parties } = this.#shelf;
    const found: Session[] = [];
    const client = this.#find(clientKey);
    let slot = client === 0 ? 0 : parties.sessionsOf(client);
    for (; slot !== 0; slot = sessions.ofClient.after(slot)) found.push(sessions.get(slot));
    return found;
  }

  nextFreeAt(pool: ProjectKind | null = null): Millis | null {
    if (pool !== null) return this.#projects.earliestEnd(pool);
    return endOfFirst(this.#live, this.#shelf) ?? null;
  }

  nextDueAt(): Millis {
    return Math.min(this.sessionsEndAt(), this.#tokensEndAt(), this.#items.ticketsEndAt);
  }

  /** No line of history will tell of an earlier instant: what lapses stands there with its own end. */
  sessionsEndAt(): Millis {
    const live = endOfFirst(this.#live, this.#shelf) ?? Number.POSITIVE_INFINITY;
    const barred = endOfFirst(this.#barred, this.#shelf) ?? Number.POSITIVE_INFINITY;
    return Math.min(live, barred);
  }

  /** When the clients of a temporary licence lose their tokens. */
  #tokensEndAt(): Millis {
    const { isTemporary, expiresAt } = this.terms;
    return isTemporary && this.#assigned > 0 && expiresAt !== null ? expiresAt : Number.POSITIVE_INFINITY;
  }

  due(now: Millis, limit: number): Session[] {
    const live = this.#live.due(now, limit);
    const due = live.length < limit ? live.concat(this.#barred.due(now, limit - live.length)) : live;
    return due.map((slot) => this.#shelf.sessions.get(slot));
  }

  /** How many sessions are due, counted up to `limit`. */
  dueCount(now: Millis, limit: number): number {
    const live = this.#live.due(now, limit).length;
    return live + this.#barred.due(now, limit - live).length;
  }

  *sessions(): Iterable<Session> {
    const { sessions } = this.#shelf;
    for (const slot of this.#sessionSlots()) {
      if (sessions.isOf(slot, this.#no)) yield sessions.get(slot);
    }
  }

  sessionOfId(id: string): Session | undefined {
    const { sessions } = this.#shelf;
    const slot = this.#sessionSlots().find((each) => sessions.isOfId(each, id));
    return slot === undefined ? undefined : sessions.get(slot);
  }

  assignment(clientKey: string): Assignment | undefined {
    const slot = this.#find(clientKey);
    return slot === 0 ? undefined : this.#shelf.parties.assignment(slot);
  }

  standing(clientKey: string): Standing | undefined {
    const slot = this.#find(clientKey);
    return slot === 0 ? undefined : this.#shelf.parties.standing(slot);
  }

  assignedClients(limit: number): Assignment[] {
    const { parties } = this.#shelf;
    const found: Assignment[] = [];
    // At most once from where the last round ended, and once from the beginning.
    for (let tries = 0; tries < 2 && found.length === 0; tries++) {
      if (this.#walk === 0) this.#walk = this.#partyEnds.first;
      while (found.length < limit && this.#walk !== 0) {
        const slot = this.#walk;
        this.#walk = parties.ofLicense.after(slot);
        if (parties.isAssigned(slot)) found.push(parties.assignment(slot) as Assignment);
      }
    }
    return found;
  }

  assignmentOfToken(tokenKey: string): Assignment | undefined {
    const slot = this.#shelf.parties.findToken(tokenKey, (no) => no === this.#no);
    return slot === 0 ? undefined : this.#shelf.parties.assignment(slot);
  }

  assignmentOfId(id: string): Assignment | undefined {
    const { parties } = this.#shelf;
    let slot = this.#partyEnds.first;
    while (slot !== 0 && !parties.isOfId(slot, id)) slot = parties.ofLicense.after(slot);
    return slot === 0 ? undefined : parties.assignment(slot);
  }

  *assignments(): Iterable<Assignment> {
    const { parties } = this.#shelf;
    for (const slot of slotsOf(this.#partyEnds, parties.ofLicense)) {
      const assignment = parties.licenseOf(slot) === this.#no ? parties.assignment(slot) : undefined;
      if (assignment !== undefined) yield assignment;
    }
  }

  /** Puts a session's new value in place of its old one, if any. Returns its slot. */
  putSession(session: Session): number {
    const { sessions } = this.#shelf;
    const slot = sessions.find(this.#no, session.key);
    if (slot === 0) {
      const added = sessions.add(this.#no, session);
      this.#join(added, session);
      return added;
    }
    const old = sessions.get(slot);
    if (old.endedAt === session.endedAt && old.holder === session.holder && old.clientKey === session.clientKey) {
      sessions.set(slot, session);
      this.#extended(slot, old, session);
      return slot;
    }
    this.#leave(slot, old);
    sessions.set(slot, session);
    this.#join(slot, session);
    return slot;
  }

  /** Forgets a session, live or not. */
  dropSession(key: string): void {
    const slot = this.takeOutSession(key);
    if (slot !== 0) this.forgetSession(slot);
  }

  /** Takes a session out, so that it can still be put back. Returns its slot; 0: it was not known. */
  takeOutSession(key: string): number {
    const slot = this.#shelf.sessions.find(this.#no, key);
    if (slot !== 0) this.#takeOut(slot);
    return slot;
  }

  /** Brings back what `takeOutSession` took out, under the same slot, since a store may know it by more than its value. */
  putBackSession(slot: number): void {
    const { sessions } = this.#shelf;
    const session = sessions.get(slot);
    sessions.putBack(slot, session.key);
    this.#join(slot, session);
  }

  /** What `takeOutSession` took out will not come back. */
  forgetSession(slot: number): void {
    this.#shelf.sessions.forget(slot);
  }

  putAssignment(assignment: Assignment): void {
    const { parties } = this.#shelf;
    const productNo = this.#shelf.productNo(this.terms);
    const slot = this.#find(assignment.clientKey);
    const old = slot === 0 ? undefined : parties.assignment(slot);
    if (old === undefined) this.#clients++;
    else this.#countAssigned(old, -1);
    this.#countAssigned(assignment, 1);
    if (slot !== 0) parties.putAssignment(slot, assignment, productNo);
    else append(parties.addClient(this.#no, assignment, productNo), parties.ofLicense, this.#partyEnds);
  }

  /** Forgets a client: to undo its first activation, or because it has another name from now on. */
  dropAssignment(clientKey: string): void {
    const slot = this.#find(clientKey);
    const assignment = slot === 0 ? undefined : this.#shelf.parties.assignment(slot);
    if (assignment !== undefined) this.#dropClient(slot, assignment);
  }

  /** Takes everything off the shelf: the licence is no more. */
  clear(): void {
    const { sessions, parties } = this.#shelf;
    // From behind: there each is the last one of its heap.
    for (const slot of this.#sessionSlots().reverse()) {
      this.#takeOut(slot);
      sessions.forget(slot);
    }
    // Who only held sessions went with them: all that are left are clients, and nothing else keeps them.
    for (let slot = this.#partyEnds.first; slot !== 0; slot = this.#partyEnds.first) {
      this.#dropClient(slot, parties.assignment(slot) as Assignment);
    }
    this.#shelf.drop(this.#no);
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

  /** As of now: whoever looks through many lets others go first in between, and some have gone then. */
  #sessionSlots(): number[] {
    return this.#live.members().concat(this.#barred.members());
  }

  #takeOut(slot: number): void {
    const { sessions } = this.#shelf;
    this.#leave(slot, sessions.get(slot));
    sessions.takeOut(slot);
  }

  #dropClient(slot: number, assignment: Assignment): void {
    this.#countAssigned(assignment, -1);
    this.#clients--;
    this.#shelf.parties.dropAssignment(slot);
    this.#forgetIfNobody(slot);
  }

  #join(slot: number, session: Session): void {
    if (session.endedAt !== null) {
      this.#barred.add(slot);
      return;
    }
    const { sessions, parties } = this.#shelf;
    this.#live.add(slot);
    if (this.terms.clientType === "projects") this.#ownProjects().attend(session);
    const client = this.#partyOf(session.clientKey);
    const holder = session.holder === session.clientKey ? client : this.#partyOf(session.holder);
    sessions.setParties(slot, client, holder);
    this.#hold(holder, 1, checkoutsOf(session));
    sessions.ofClient.put(slot, 0, parties.sessionsOf(client));
    parties.setSessions(client, slot);
  }

  #leave(slot: number, session: Session): void {
    if (session.endedAt !== null) {
      this.#barred.remove(slot);
      return;
    }
    const { sessions, parties } = this.#shelf;
    this.#live.remove(slot);
    if (this.terms.clientType === "projects") this.#projects.leave(session);
    const [client, holder] = sessions.partiesOf(slot);
    this.#hold(holder, -1, -checkoutsOf(session));
    if (parties.sessionsOf(client) === slot) parties.setSessions(client, sessions.ofClient.after(slot));
    sessions.ofClient.takeOut(slot);
    this.#forgetIfNobody(client);
    if (holder !== client) this.#forgetIfNobody(holder);
  }

  /** A session is what it was, with another end. */
  #extended(slot: number, old: Session, session: Session): void {
    (session.endedAt === null ? this.#live : this.#barred).moved(slot);
    if (session.endedAt !== null) return;
    if (this.terms.clientType === "projects") this.#projects.extended(session);
    const checkouts = checkoutsOf(session) - checkoutsOf(old);
    if (checkouts !== 0) this.#hold(this.#shelf.sessions.partiesOf(slot)[1], 0, checkouts);
  }

  #countAssigned({ unassignedAt, isGoodwill }: Assignment, by: number): void {
    if (unassignedAt !== null) return;
    this.#assigned += by;
    if (isGoodwill) this.#onGoodwill += by;
  }

  #find(name: string): number {
    return this.#shelf.parties.find(this.#no, name);
  }

  #partyOf(name: string): number {
    const known = this.#find(name);
    if (known !== 0) return known;
    const { parties } = this.#shelf;
    const made = parties.add(this.#no, name);
    append(made, parties.ofLicense, this.#partyEnds);
    return made;
  }

  #forgetIfNobody(slot: number): void {
    const { parties } = this.#shelf;
    if (!parties.isNobody(slot)) return;
    if (this.#walk === slot) this.#walk = parties.ofLicense.after(slot);
    remove(slot, parties.ofLicense, this.#partyEnds);
    parties.drop(slot);
  }

  #hold(holder: number, sessions: number, checkouts: number): void {
    const { parties } = this.#shelf;
    const [held, checkedOut] = [parties.heldBy(holder), parties.checkoutsOf(holder)];
    parties.setHeld(holder, held + sessions);
    this.#holders += Number(held + sessions > 0) - Number(held > 0);
    if (checkouts === 0) return;
    parties.setCheckouts(holder, checkedOut + checkouts);
    this.#checkedOut += Number(checkedOut + checkouts > 0) - Number(checkedOut > 0);
  }
}

/** The first and the last slot of a list; 0: it is empty. */
interface Both {
  first: number;
  last: number;
}

function append(slot: number, chain: Chain, ends: Both): void {
  chain.put(slot, ends.last, 0);
  if (ends.first === 0) ends.first = slot;
  ends.last = slot;
}

function remove(slot: number, chain: Chain, ends: Both): void {
  if (ends.first === slot) ends.first = chain.after(slot);
  if (ends.last === slot) ends.last = chain.before(slot);
  chain.takeOut(slot);
}

/**
 * All slots of a list, as of now: whoever looks through many lets others go first in between, and then some have gone, and the
 * list goes on elsewhere.
 */
function slotsOf({ first }: Both, chain: Chain): number[] {
  const slots: number[] = [];
  for (let slot = first; slot !== 0; slot = chain.after(slot)) slots.push(slot);
  return slots;
}

function endOfFirst(heap: EndHeap<number>, { sessions }: Shelf): Millis | undefined {
  const first = heap.first();
  return first === undefined ? undefined : sessions.endOf(first);
}

function checkoutsOf({ checkoutUntil }: Session): number {
  return checkoutUntil === null ? 0 : 1;
}
