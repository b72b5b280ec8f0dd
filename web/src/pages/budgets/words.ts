import { language, type Language } from "../../text/language";

const plural = (n: number, one: string, many: string) => (n === 1 ? one : many);

/** What of it began anew and is over. */
type Over = "day" | "week" | "month" | "total";

const englishRules: Record<string, string> = {
  budget: "Budget",
  allowedModels: "Policy: models that are allowed",
  deniedModels: "Policy: models that are denied",
  allowedProviders: "Policy: providers that are allowed",
  deniedProviders: "Policy: providers that are denied",
  requiredAttributes: "Policy: what a provider has to have",
  guardrail: "Guardrail",
  contentFilter: "Content filter",
};

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
  counts: "By rule",
  countsLead:
    "Of the last seven days: calls that were refused or would have been, since the server started, and calls that broke a policy or on which a guardrail or content filter stepped in.",
  countsSearch: "Search by rule",
  countsNone: "No rule was broken, and nothing stepped in.",
  rule: "Rule",
  whose: "Person and project",
  found: "Found",
  /** A rule by its own name where it is not known. */
  ruleName: (rule: string) => englishRules[rule] ?? rule,
};

const germanOver: Record<Over, [string, string]> = {
  day: ["am letzten Tag", "Tagen"],
  week: ["in der letzten Woche", "Wochen"],
  month: ["im letzten Monat", "Monaten"],
  total: ["insgesamt", "Malen"],
};

const germanRules: Record<string, string> = {
  budget: "Budget",
  allowedModels: "Richtlinie: erlaubte Modelle",
  deniedModels: "Richtlinie: verbotene Modelle",
  allowedProviders: "Richtlinie: erlaubte Anbieter",
  deniedProviders: "Richtlinie: verbotene Anbieter",
  requiredAttributes: "Richtlinie: was ein Anbieter haben muss",
  guardrail: "Guardrail",
  contentFilter: "Inhaltsfilter",
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
  counts: "Nach Regeln",
  countsLead:
    "Aus den letzten sieben Tagen: Aufrufe, die abgelehnt wurden oder worden wären, seit der Server läuft, und Aufrufe, die gegen eine Richtlinie verstießen oder in die ein Guardrail oder Inhaltsfilter eingriff.",
  countsSearch: "Nach Regeln suchen",
  countsNone: "Gegen keine Regel wurde verstoßen, und nichts griff ein.",
  rule: "Regel",
  whose: "Person und Projekt",
  found: "Gefunden",
  ruleName: (rule) => germanRules[rule] ?? rule,
};

export const all: Record<Language, typeof en> = { en, de };
/** Of pages that are not the first, so that the first need not load it. */
export const budgetWords = all[language];
