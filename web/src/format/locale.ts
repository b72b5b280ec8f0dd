/** The reader's locale for numbers and dates; undefined lets Intl ask the browser. */
export const locale: string | undefined = undefined;
