/** Where somebody spent most is what they come to look at; without any spend it is the first project. */
export function projectToBeginWith(
  projects: readonly { id: string; status: string }[],
  ownKeys: readonly { projectId: string; cost: number }[],
): string | null {
  const spent = new Map<string, number>();
  for (const key of ownKeys) spent.set(key.projectId, (spent.get(key.projectId) ?? 0) + key.cost);
  let best: string | null = null;
  for (const { id } of projects) {
    const most = best === null ? 0 : (spent.get(best) ?? 0);
    if ((spent.get(id) ?? 0) > most) best = id;
  }
  return best ?? projects.find((project) => project.status === "active")?.id ?? projects[0]?.id ?? null;
}
