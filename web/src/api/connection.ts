/** Whether the server answers, as the page's own questions find out. */
interface Connection {
  /** When it last did, by its own clock; null while it does. */
  lostSince: string | null;
}

/** What a gateway says in the place of a server that is not there. */
const ABSENT = [502, 504];
/** The server names the page that it would serve now. */
const PAGE = "x-rollcall-page";

let connection: Connection = { lostSince: null };
let lastAnswer: string | null = null;
let ownPage: string | null = null;
let outdated = false;
const listeners = new Set<() => void>();

function become(lostSince: string | null): void {
  if (connection.lostSince === lostSince) return;
  connection = { lostSince };
  for (const listener of listeners) listener();
}

export function noteSilence(): void {
  become(connection.lostSince ?? lastAnswer);
}

export function noteAnswer(response: Response): void {
  if (ABSENT.includes(response.status)) return noteSilence();
  const date = response.headers.get("Date");
  if (date !== null) lastAnswer = new Date(date).toISOString();
  const page = response.headers.get(PAGE);
  if (page !== null) {
    ownPage ??= page;
    outdated ||= page !== ownPage;
  }
  become(null);
}

/** Whether the server has another page by now than this one, which came with an earlier version. */
export function isOutdated(): boolean {
  return outdated;
}

export function connectionNow(): Connection {
  return connection;
}

export function onConnection(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Whether the server is there. */
export async function answers(): Promise<boolean> {
  try {
    const response = await fetch("/healthz", { cache: "no-store" });
    noteAnswer(response);
    return !ABSENT.includes(response.status);
  } catch {
    noteSilence();
    return false;
  }
}
