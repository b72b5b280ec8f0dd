import { en, type Catalogue } from "./en";
import { language } from "./language";

/** A further language is a file of the same shape, named here and in `language.ts`; only those who read it load it. */
export const text: Catalogue = language === "de" ? await import("./de").then((words) => words.de(en.product), () => en) : en;
