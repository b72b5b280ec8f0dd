import { language, type Language } from "../../text/language";

const plural = (n: number, one: string, many: string) => (n === 1 ? one : many);

/** What of it began anew and is over. */
type Over = "day" | "week" | "month" | "total";

const en = {
  expected: (amount: string) => `${amount} expected`,
  between: (low: string, high: string) => `${low} to ${high}`,
  off: (percent: string, n: number, over: Over) => `off by ${percent} in the last ${plural(n, over, `${n} ${over}s`)}`,
  remaining: (amount: string) => `${amount} left`,
  theirs: "Budget",
  log: "Refused calls",
  logLead: "What was refused in the last days, or would have been, and why. The same again within a minute is one line.",
  logSearch: "Search refused calls",
  logNone: "Nothing was refused.",
  older: "Older",
  call: "Call",
  result: "Result",
  reasons: "Reasons",
  when: "When",
  refused: "Refused",
  observed: "Allowed, and told",
  times: (n: string) => `${n} times`,
};

const germanOver: Record<Over, [string, string]> = {
  day: ["am letzten Tag", "Tagen"],
  week: ["in der letzten Woche", "Wochen"],
  month: ["im letzten Monat", "Monaten"],
  total: ["insgesamt", "Malen"],
};

const de: typeof en = {
  expected: (amount) => `${amount} erwartet`,
  between: (low, high) => `${low} bis ${high}`,
  off: (percent, n, over) => {
    const [last, all] = germanOver[over];
    return `${plural(n, last, `in den letzten ${n} ${all}`)} um ${percent} daneben`;
  },
  remaining: (amount) => `${amount} übrig`,
  theirs: "Budget",
  log: "Abgelehnte Aufrufe",
  logLead:
    "Was in den letzten Tagen abgelehnt wurde oder worden wäre, und warum. Dasselbe noch einmal in einer Minute ist eine Zeile.",
  logSearch: "Abgelehnte Aufrufe suchen",
  logNone: "Nichts wurde abgelehnt.",
  older: "Ältere",
  call: "Aufruf",
  result: "Ergebnis",
  reasons: "Gründe",
  when: "Wann",
  refused: "Abgelehnt",
  observed: "Erlaubt, mit Hinweis",
  times: (n) => `${n}-mal`,
};

export const all: Record<Language, typeof en> = { en, de };
/** Of pages that are not the first, so that the first need not load it. */
export const budgetWords = all[language];
