/**
 * Puts text on the clipboard and says whether that worked. What is still on its way is waited for by the clipboard
 * itself, because browsers forget after a while that somebody pressed a button.
 */
export async function copy(text: string | Promise<string>): Promise<boolean> {
  try {
    // Browsers offer the clipboard to secure origins only.
    if (!("clipboard" in navigator)) return copyByCommand(await text);
    const blob = Promise.resolve(text).then((plain) => new Blob([plain], { type: "text/plain" }));
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
    return true;
  } catch {
    return false;
  }
}

/** The old way, which plain HTTP still has. */
function copyByCommand(text: string): boolean {
  const fill = (event: ClipboardEvent) => {
    event.clipboardData?.setData("text/plain", text);
    event.preventDefault();
  };
  document.addEventListener("copy", fill, { once: true });
  try {
    return document.execCommand("copy");
  } finally {
    document.removeEventListener("copy", fill);
  }
}
