import type { components } from "./schema";

type Schemas = components["schemas"];

/** What every answer counts. Costs are exact decimals; `exactText` knows the digits past a double's. */
export type Measures = Omit<Schemas["MyDay"], "date" | "errorCount" | "clientErrorCount">;
export type WithErrors = Schemas["TableTotals"];
export type Summary = Omit<Schemas["KeySummary"], "errorRate">;
/** An entry of a top list; usage without an app has no key. */
export type TopEntry = Schemas["RankedEntry"];
export type ModelDay = Schemas["MemberDay"];

/** The window an answer is about, as the server understood it. */
export type Answered = Pick<Schemas["Members"], "timezone" | "from" | "to" | "asOf">;

/** Fields that can be null are always there. */
export type Spelled<Entry> = Required<Entry>;
