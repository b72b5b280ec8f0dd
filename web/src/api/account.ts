import { request } from "./request";
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Session = Schemas["SessionBody"];
export type AskingProgram = Schemas["AskingProgram"];
export type LocalProgram = Schemas["LocalProgram"];

export async function fetchSessions(signal?: AbortSignal): Promise<Session[]> {
  return (await request<{ sessions: Session[] }>("/v1/sessions", { signal })).sessions;
}

export function endSession(id: string): Promise<void> {
  return request<void>(`/v1/sessions/${encodeURIComponent(id)}`, { method: "DELETE" });
}

export function endOtherSessions(): Promise<void> {
  return request<void>("/v1/sessions", { method: "DELETE" });
}

const deviceOf = (code: string) => `/v1/login/device/${encodeURIComponent(code)}`;

/** The program that shows a code. */
export function fetchProgram(code: string): Promise<AskingProgram> {
  return request<AskingProgram>(deviceOf(code));
}

export function decideOnProgram({ code, allow }: { code: string; allow: boolean }): Promise<void> {
  return request<void>(deviceOf(code), { method: "POST", body: { allow } });
}

/** Where the browser brings a program on this machine its code. */
export async function letIn(program: LocalProgram): Promise<string> {
  return (await request<Schemas["LetInAt"]>("/v1/login", { method: "POST", body: program })).redirectTo;
}

export type Invitation = Schemas["Invitation"];
export type NewInvitation = Schemas["NewInvitation"];
export type CreatedInvitation = Schemas["CreatedInvitation"];
export type OpenInvitation = Schemas["OpenInvitation"];

export async function fetchInvitations(organizationId: string, signal?: AbortSignal): Promise<Invitation[]> {
  const path = `/v1/invitations?${new URLSearchParams({ organizationId })}`;
  return (await request<{ invitations: Invitation[] }>(path, { signal })).invitations;
}

export function invite(invitation: NewInvitation): Promise<CreatedInvitation> {
  return request<CreatedInvitation>("/v1/invitations", { method: "POST", body: invitation });
}

export function takeBackInvitation(id: string): Promise<void> {
  return request<void>(`/v1/invitations/${encodeURIComponent(id)}`, { method: "DELETE" });
}

/** What a link is to, which can be accepted then. */
export function readInvitation(secret: string): Promise<OpenInvitation> {
  return request<OpenInvitation>("/v1/invitations/read", { method: "POST", body: { secret } });
}

/** Where to sign in; null for who is signed in now. */
export async function acceptInvitation(answer: Schemas["AcceptedInvitation"]): Promise<string | null> {
  const { signInAt } = await request<Schemas["Accepted"]>("/v1/invitations/accept", { method: "POST", body: answer });
  return signInAt ?? null;
}
