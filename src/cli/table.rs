//! Tables on a terminal.

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

/// Rows beneath a header. The columns from `figures` on are figures, which stand to the right.
pub fn table(header: &[&str], figures: usize, rows: impl IntoIterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    let cell = |(place, text): (usize, String)| match place < figures {
        true => Cell::new(text),
        false => Cell::new(text).set_alignment(CellAlignment::Right),
    };
    table.set_header(header.iter().map(|&text| text.to_owned()).enumerate().map(cell));
    for row in rows {
        table.add_row(row.into_iter().enumerate().map(cell));
    }
    table
}
