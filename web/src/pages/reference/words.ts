import { language, type Language } from "../../text/language";

const en = {
  analytics: "Analytics",
  audit: "Audit log",
  budgets: "Budgets, decisions and alerts",
  calendar: "Days and zones",
  closing: "Closing and statements",
  links: "Links",
  maintenance: "Maintenance",
  mcp: "Assistants",
  otlp: "OpenTelemetry",
  events: "Events",
  invoices: "Invoices",
  directory: "Directory",
  tokens: "Tokens",
  views: "Shared views",
  session: "Session",
  operations: "Operations",
  invitations: "Invitations",
  login: "Programs",
};

const de: typeof en = {
  analytics: "Auswertung",
  audit: "Protokoll",
  budgets: "Budgets, Entscheidungen und Warnungen",
  calendar: "Tage und Zeitzonen",
  closing: "Abschluss und Abrechnungen",
  links: "Links",
  maintenance: "Wartung",
  mcp: "Assistenten",
  otlp: "OpenTelemetry",
  events: "Ereignisse",
  invoices: "Rechnungen",
  directory: "Verzeichnis",
  tokens: "Tokens",
  views: "Geteilte Ansichten",
  session: "Sitzung",
  operations: "Betrieb",
  invitations: "Einladungen",
  login: "Programme",
};

export const all: Record<Language, typeof en> = { en, de };
/** Parts of the API, by their tags. Of a page that is not the first, so that the first need not load it. */
export const tagWords: Record<string, string> = all[language];
