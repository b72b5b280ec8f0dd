import { text } from "../../text";
import { Bone } from "../../ui/Bone";

/** While a page's own code is on its way. */
export function PageBones() {
  return (
    <div className="page-bones" aria-busy="true">
      <Bone width="160px" height="22px" />
      <span className="visually-hidden" role="status">
        {text.analytics.loading}
      </span>
    </div>
  );
}
