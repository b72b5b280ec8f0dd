import type { SpanFault } from "../time/range";
import type { Granularity } from "../time/buckets";
import type { Preset } from "../time/presets";
import type { Grouping } from "../state/filters";
import type { ChartKind, Metric } from "../state/view";
import { settings } from "../state/settings";

const product = settings.productName ?? "Rollcall";

const plural = (n: number, one: string, many: string) => (n === 1 ? one : many);

/** A name as it stands within a sentence; abbreviations stay as they are. */
const inside = (name: string) => (/^\p{Lu}\p{Lu}/u.test(name) ? name : name.charAt(0).toLowerCase() + name.slice(1));

export const en = {
  product,
  skipToContent: "Skip to content",
  documentTitle: (page: string, organization: string) => `${page} · ${organization} · ${product}`,

  navigation: {
    label: "Main",
    organizationSection: "Organization",
    analytics: "Analytics",
    members: "Members",
    keys: "API keys",
    mine: "My usage",
    reference: "API reference",
    open: "Open menu",
    close: "Close menu",
    switchOrganization: "Switch organization",
    searchOrganizations: "Search organizations",
    noOrganization: "No organization by that name.",
    account: "Account",
    signIn: "Sign in",
    signOut: "Sign out",
    operator: "Operator",
  },

  theme: {
    label: "Theme",
    system: "System",
    light: "Light",
    dark: "Dark",
  },

  signIn: {
    title: `Sign in to ${product}`,
    lead: "Paste an access token. Whoever runs this server can make one for you.",
    token: "Access token",
    submit: "Sign in",
    submitting: "Signing in…",
    wrong: "This token isn’t known here. It may have been revoked.",
    linkWrong: "The token in your sign-in link isn’t known here. It may have been revoked.",
    tooMany: "Too many attempts. Wait a minute, then try again.",
    hintTitle: "Where do I find a token?",
    hint: "“rollcall demo” prints a link that signs you in. On a server, the operator token is in the data directory:",
  },

  analytics: {
    title: "Analytics",
    completeUpTo: (moment: string) => `Complete up to ${moment}`,
    loading: "Loading…",
    updating: "Updating",
    groupBy: "Group by",
    thenBy: "then by",
    thenByNothing: "Nothing else",
    measure: "Measure",
  },

  groupings: {
    model: "Model",
    project: "Project",
    apiKey: "API key",
    user: "Member",
    provider: "Provider",
    source: "App",
  } satisfies Record<Grouping, string>,

  /** Two pivots at once: "Project and model". */
  groupingPair: (first: string, second: string) => `${first} and ${inside(second)}`,
  groupingPairPlural: "pairs",

  groupingPlurals: {
    model: "models",
    project: "projects",
    apiKey: "API keys",
    user: "members",
    provider: "providers",
    source: "apps",
  } satisfies Record<Grouping, string>,

  metrics: {
    cost: "Cost",
    requests: "Requests",
    tokens: "Tokens",
  } satisfies Record<Metric, string>,

  granularities: {
    hour: "Hour",
    day: "Day",
    week: "Week",
    month: "Month",
  } satisfies Record<Granularity, string>,
  granularityLabel: "Bar for every",

  cards: {
    label: "Summary",
    cost: "Total spend",
    requests: "Requests",
    tokens: "Tokens",
    credits: (amount: string) => `${amount} credits`,
    ownKeys: (amount: string) => `${amount} own keys`,
    errorRate: (share: string) => `${share} errors`,
    errorRateTitle: "Error rate",
    errors: (n: string) => `${n} errors`,
    clientErrors: (n: string) => `${n} client errors`,
    cached: (n: string) => `${n} from cache`,
    input: (n: string) => `${n} in`,
    output: (n: string) => `${n} out`,
    cachedTokens: (n: string) => `${n} cached`,
    unpriced: (n: string) => `${n} unpriced`,
    unpricedHint: (n: string) => `${n} requests came without a cost and no price is known for their model. They are counted, not priced.`,
    noneBefore: "no usage before",
    versus: (span: string) => `vs ${span}`,
    before: (figure: string, span: string) => `${figure} in ${span}`,
    up: "up",
    down: "down",
    same: "unchanged",
  },

  chart: {
    title: {
      cost: "Cost over time",
      requests: "Requests over time",
      tokens: "Tokens over time",
    } satisfies Record<Metric, string>,
    kindLabel: "Show as",
    kinds: { bars: "Bars", lines: "Lines", table: "Table" } satisfies Record<ChartKind, string>,
    downloads: "Download",
    png: "Image (PNG)",
    csv: "Data (CSV)",
    legend: "Series",
    hide: (label: string) => `Hide ${label}`,
    show: (label: string) => `Show ${label}`,
    open: (label: string) => `Open ${label}`,
    openOrNarrow: "Click to open, Shift-click for only this",
    openIt: "Click to open",
    narrowIt: "Click for only this",
    widenIt: "Click to lift the filter",
    before: "Before",
    beforeSpan: (span: string) => `Before: ${span}`,
    beforeShow: "Show the period before",
    beforeHide: "Hide the period before",
    beforeNotInLines: "The period before is a total. Lines of parts have nothing to set against it.",
    beforeNotHidden: "The period before is a total. Show every series to set it against.",
    other: "Other",
    total: "Total",
    shownTotal: "Total shown",
    more: (n: number) => `${n} more`,
    soFar: "so far",
    nothing: "No usage",
    drawing: "Drawing the chart…",
    keys: "Arrow keys walk through the chart. Drag across it to zoom into a range.",
    summary: (metric: string, grouping: string, span: string, total: string, peak: string) =>
      `${metric} by ${inside(grouping)}, ${span}. Total ${total}. Highest: ${peak}.`,
    period: { hour: "Hour", day: "Day", week: "Week", month: "Month" } satisfies Record<Granularity, string>,
    tableScroll: "Chart as a table",
  },

  ranking: {
    title: "Ranking",
    share: "Share",
    deleted: "deleted",
    former: "former",
    showAll: (what: string) => `Show all ${what}`,
    showLess: (what: string) => `Show the largest ${what} only`,
    failed: "The whole list could not be loaded.",
    otherHint: "Everything that is not among the largest",
    unattributedHint: "Usage of API keys without a known creator",
    noAppHint: "Usage that came without the name of an app",
  },

  lists: {
    none: "Nothing matches.",
    sortBy: "Sort by",
    sortedBy: (column: string) => `By ${column.toLowerCase()}`,
    csv: "CSV",
    errorHint: (errors: string, clientErrors: string) => `${errors} errors, and ${clientErrors} client errors, which don’t count`,
  },

  filters: {
    column: "Filter",
    label: "Filters",
    only: (label: string) => `Only ${label}`,
    lift: (label: string) => `No longer only ${label}`,
    clear: "Clear",
    clearAll: "Clear the filters",
    removeLead: "Stop narrowing to",
    remove: (kind: string, label: string) => `Stop narrowing to ${inside(kind)} ${label}`,
  },

  members: {
    title: "Members",
    member: "Member",
    role: "Role",
    roles: { owner: "Owner", admin: "Admin", developer: "Developer" },
    noRole: "–",
    keys: "Keys",
    unattributed: "Unattributed",
    unattributedHint: "API keys without a known creator",
    search: "Search members",
    found: (shown: number, all: number) =>
      shown === all ? `${all} ${plural(all, "member", "members")}` : `${shown} of ${all} members`,
    back: "All members",
  },

  keys: {
    title: "API keys",
    key: "API key",
    id: "ID",
    project: "Project",
    creator: "Creator",
    noCreator: "Unattributed",
    search: "Search keys, projects, creators",
    found: (shown: number, all: number) =>
      shown === all ? `${all} ${plural(all, "key", "keys")}` : `${shown} of ${all} keys`,
    allKeys: "All keys",
    shownKeys: "Keys shown",
    back: "All API keys",
  },

  detail: {
    costByModel: "Cost by model",
    topModels: "Top models",
    topProviders: "Top providers",
    topApps: "Top apps",
    topModel: "Most used model",
    topProvider: "Most used provider",
    topApp: "Most used app",
    provider: "Provider",
    app: "App",
    ofSpend: (amount: string, share: string) => `${amount}, ${share} of spend`,
    lookAtKeys: "See their keys",
  },

  mine: {
    title: "My usage",
    you: "You",
    yourKeys: "Your API keys",
    keysHint: "made by you",
    deletedProject: (name: string) => `${name} (deleted)`,
    noProjectTitle: "No project yet",
    noProject: (organization: string) => `You have no access to a project of ${organization} yet. Its owners and admins can give it.`,
  },

  reference: {
    title: "API reference",
    documentTitle: `API reference · ${product}`,
    version: (version: string) => `Version ${version}`,
    lead: "Every request carries `Authorization: Bearer TOKEN`. Errors are `application/problem+json` with a `detail` that says what was wrong. Costs are exact decimals in US dollars.",
    tags: {
      analytics: "Analytics",
      events: "Events",
      directory: "Directory",
      tokens: "Tokens",
      session: "Session",
      operations: "Operations",
    },
    parameters: "Parameters",
    places: { query: "in the query", path: "in the path", header: "in a header", cookie: "in a cookie" },
    required: "required",
    optional: "optional",
    body: "Body",
    answers: "Answers",
  },

  range: {
    label: "Date range",
    presets: {
      today: "Today",
      yesterday: "Yesterday",
      "this-week": "This week",
      "last-week": "Last week",
      "this-month": "This month",
      "last-month": "Last month",
      "this-quarter": "This quarter",
      "last-quarter": "Last quarter",
      "this-year": "This year",
      "last-year": "Last year",
      "last-7-days": "Last 7 days",
      "last-30-days": "Last 30 days",
      "last-90-days": "Last 90 days",
      "last-365-days": "Last 365 days",
    } satisfies Record<Preset, string>,
    from: "From",
    to: "To",
    apply: "Apply",
    cancel: "Cancel",
    days: (n: number) => `${n} ${plural(n, "day", "days")}`,
    pickEnd: "Now pick the last day.",
    faults: {
      incomplete: "Give both dates as year-month-day.",
      reversed: "The range ends before it begins.",
      "too-long": "A range can be at most 366 days.",
    } satisfies Record<SpanFault, string>,
    previousMonth: "Previous month",
    nextMonth: "Next month",
  },

  zone: {
    label: "Time zone",
    search: "City, region or offset",
    own: "Your browser",
    organization: "Organization",
    suggested: "Suggested",
    all: "All time zones",
    none: "No time zone matches.",
  },

  empty: {
    title: "No usage in this range",
    lead: (span: string) => `Nothing was reported for ${span}. Try a longer range, or send an event:`,
    none: (whose: string, span: string) => `${whose}: nothing was reported for ${span}.`,
    narrowedTitle: "Nothing matches these filters",
    narrowed: (span: string) => `Nothing was reported for ${span} that fits all of them. Lift one, or try a longer range.`,
    look: "Look at the last 365 days",
    snippet: "Send an event with curl",
    copy: "Copy",
    copied: "Copied",
    tokenHint: "Use an ingest token of this organization as $ROLLCALL_TOKEN.",
  },

  errors: {
    title: "This didn’t work",
    unreachable: "The server can’t be reached. Check that it is running and try again.",
    busy: "The server is busy at the moment. It usually answers again within seconds.",
    broken: "The server could not answer. Its log says more.",
    retry: "Try again",
    reset: "Back to the last 30 days",
    notFoundTitle: "Nothing here",
    notFound: "This page doesn’t exist, or the organization was deleted.",
    home: "Go to analytics",
    noOrganizationTitle: "No organization yet",
    noOrganization: "You aren’t a member of an organization on this server. Its operator can add you.",
    noOrganizationOperator: "This server has no organizations yet. The first event or directory entry makes one.",
  },

  refused: {
    marks: { "needs-plan": "part of Enterprise", "needs-role": "admins only" },
    plan: "Enterprise",
    upgrade: "Upgrade",
    roleTitle: "For admins only",
    role: (organization: string) =>
      `Owners and admins of ${organization} can see its analytics. Ask one of them for a look, or for their role.`,
    planTitle: "Analytics are part of Enterprise",
    planText: (organization: string) =>
      `${organization} is on another plan. With Enterprise, its owners and admins see spend by model, project, API key and member.`,
  },
};

export type Catalogue = typeof en;
