import type { components } from "./schema";

type Schemas = components["schemas"];

export type Activity = Schemas["Activity"];
export type ActivityBucket = Schemas["ActivityBucket"];
export type ActivityEntry = Schemas["ActivityEntry"];
export type Totals = Schemas["Totals"];
export type RankingEntry = Schemas["RankingEntry"];
export type Previous = Schemas["Previous"];
export type Me = Schemas["Me"];
export type Organization = Schemas["MeOrganization"];
export type Problem = Schemas["Problem"];
