import { Suspense, useState } from "react";
import { text } from "../../text";
import { Icon } from "../../ui/Icon";
import { Popover } from "../../ui/Popover";
import { ahead, lazily } from "../../ui/lazily";

const loadPanel = () => import("./ViewsPanel");
const ViewsPanel = lazily(loadPanel);

interface Props {
  organizationId: string;
  organizationName: string;
}

export function ViewsMenu(props: Props) {
  const [open, setOpen] = useState(false);
  return (
    <Popover
      open={open}
      onOpenChange={setOpen}
      label={text.views.menu}
      onIntent={() => ahead(loadPanel)}
      trigger={(trigger) => (
        <button
          {...trigger}
          className="button button-icon views-button"
          aria-label={text.views.menu}
          title={text.views.menu}
          data-testid="views-button"
        >
          <Icon name="bookmark" />
        </button>
      )}
    >
      <Suspense fallback={<div className="views-panel" />}>
        <ViewsPanel {...props} onDone={() => setOpen(false)} />
      </Suspense>
    </Popover>
  );
}
