export { locale } from "../text/language";
