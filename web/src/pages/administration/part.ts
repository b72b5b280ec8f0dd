import type { Directory, OrganizationEntry } from "../../api/administration";

/** What each part of an organization's page gets. */
export interface PartProps {
  organization: OrganizationEntry;
  directory: Directory;
  /** The reader runs the server, and so decides on what an organization may. */
  operates: boolean;
}
