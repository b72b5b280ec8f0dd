import { en, type Catalogue } from "./en";

/** A second language is a file of the same shape, chosen here. */
export const text: Catalogue = en;
