/** Fills an empty file with the lines of a dump. */
import type { Terms } from "../../core/types.ts";
import { Directory } from "../directory.ts";
import { type DumpLine, DumpRefused, type Place } from "../store.ts";
import type { AuditRows } from "./audit.ts";
import type { ItemRows } from "./items.ts";
import { assignmentValues, historyValues, type Rows, sessionValues } from "./rows.ts";
import type { TallyRows } from "./tallies.ts";

/** Puts lines into rows, one at a time. The transaction is the caller's. */
export class Loading {
  readonly #rows: Rows;
  readonly #tallies: TallyRows;
  readonly #items: ItemRows;
  readonly #audit: AuditRows;
  readonly #directory = new Directory();
  /** The numbers of vendors and licences. */
  readonly #numbers = new Map<string, number>();
  readonly #terms = new Map<string, Terms>();
  #sessions = 0;

  constructor(rows: Rows, tallies: TallyRows, audit: AuditRows, items: ItemRows) {
    this.#rows = rows;
    this.#tallies = tallies;
    this.#audit = audit;
    this.#items = items;
  }

  /** @throws DumpRefused where the line refers to what did not come before it. */
  put(line: DumpLine): void {
    switch (line.type) {
      case "setting":
        this.#rows.saveSetting(line.name, line.value);
        break;
      case "entity":
        this.#putEntity(line);
        break;
      case "assignment":
        this.#rows.saveAssignments([assignmentValues(this.#licenseOf(line).no, line.assignment)]);
        break;
      case "project":
        this.#rows.saveProject(this.#licenseOf(line).no, line.project);
        break;
      case "check-ins":
        this.#rows.saveCheckIns(this.#licenseOf(line).no, line.checkIns);
        break;
      case "session": {
        const { no, terms } = this.#licenseOf(line);
        this.#rows.insertSessions([sessionValues(++this.#sessions, no, terms, line.session)]);
        break;
      }
      case "item":
        this.#items.put(this.#licenseOf(line).no, line.item);
        break;
      case "gathered": {
        const { isvId, licenseId } = line.value;
        const [isvNo, licenseNo] = [this.#numbers.get(isvId), this.#numbers.get(isvId + licenseId)];
        if (isvNo === undefined || licenseNo === undefined)
          throw new DumpRefused(`gathered of a licence that is not there: ${licenseId}`);
        this.#items.gather(line.value, isvNo, licenseNo);
        break;
      }
      case "history": {
        const { isvId, licenseId } = line.record;
        const isvNo = this.#numbers.get(isvId);
        if (isvNo === undefined) throw new DumpRefused(`history of a vendor that is not there: ${isvId}`);
        const licenseNo = this.#numbers.get(isvId + licenseId);
        this.#rows.saveHistory([historyValues(line.record, { isvNo, licenseNo })]);
        break;
      }
      case "tally":
        this.#tallies.put(line.tally);
        break;
      case "audit":
        this.#audit.save(line.line);
        break;
    }
  }

  #putEntity({ type: _, ...entity }: Extract<DumpLine, { readonly type: "entity" }>): void {
    const { isvId, kind, id } = entity;
    try {
      this.#directory.check([entity]);
    } catch (error) {
      throw new DumpRefused((error as Error).message);
    }
    this.#directory.put([entity]);
    const no = this.#rows.saveEntity(entity);
    if (kind === "isv") this.#numbers.set(isvId, no);
    if (kind === "license") this.#numbers.set(isvId + id, no);
  }

  #licenseOf({ isvId, licenseId }: Place): { readonly no: number; readonly terms: Terms } {
    const place = isvId + licenseId;
    const no = this.#numbers.get(place);
    if (no === undefined) throw new DumpRefused(`a licence that is not there: ${licenseId}`);
    const terms = this.#terms.get(place) ?? this.#directory.knownTerms(isvId, licenseId);
    this.#terms.set(place, terms);
    return { no, terms };
  }
}
