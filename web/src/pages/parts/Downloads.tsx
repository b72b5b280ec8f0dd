import { useState } from "react";
import { requestText } from "../../api/request";
import { text } from "../../text";
import { Copy } from "../../ui/Copy";
import { Icon } from "../../ui/Icon";
import { Popover } from "../../ui/Popover";

interface Props {
  csv: string;
  onPicture: (() => void) | null;
}

export function Downloads({ csv, onPicture }: Props) {
  const [open, setOpen] = useState(false);
  return (
    <Popover
      open={open}
      onOpenChange={setOpen}
      label={text.chart.downloads}
      trigger={(props) => (
        <button
          {...props}
          className="button button-quiet button-icon"
          aria-label={text.chart.downloads}
          title={text.chart.downloads}
          data-testid="download-button"
        >
          <Icon name="download" />
        </button>
      )}
    >
      <div className="menu">
        {onPicture && (
          <button
            type="button"
            className="menu-item"
            data-testid="download-png"
            onClick={() => {
              setOpen(false);
              onPicture();
            }}
          >
            <Icon name="image" />
            {text.chart.png}
          </button>
        )}
        <a className="menu-item" href={csv} download data-testid="download-csv" onClick={() => setOpen(false)}>
          <Icon name="table" />
          {text.chart.csv}
        </a>
        <Copy className="menu-item" icon="copy" label={text.chart.copyCsv} what={() => requestText(csv)} testId="copy-csv" />
        <button
          type="button"
          className="menu-item"
          data-testid="print"
          onClick={() => {
            setOpen(false);
            print();
          }}
        >
          <Icon name="print" />
          {text.chart.print}
        </button>
      </div>
    </Popover>
  );
}
