//! The only place that writes to standard output and standard error.
//!
//! Text that came by mail cannot steer the terminal, and a reader that stops
//! reading (`| head`) ends the command in peace.

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

use serde::Serialize;

/// A line or a block for people.
pub fn text(text: &str) {
    line(&printable(text));
}

/// What an e-mail or a page says, on a terminal with colours where it has them.
pub fn page(text: &str) {
    let text = printable(text);
    if has_colours() {
        line(&text.lines().map(coloured).collect::<Vec<_>>().join("\n"));
    } else {
        line(text.trim_end_matches('\n'));
    }
}

/// Columns that a page may fill: those of the terminal, within what reads well.
pub fn columns() -> usize {
    let set = std::env::var("COLUMNS").ok().and_then(|columns| columns.trim().parse().ok());
    set.unwrap_or(PAGE).clamp(40, WIDEST)
}

/// Columns of a page where nothing says how wide the terminal is, and the most that read well.
const PAGE: usize = 72;
const WIDEST: usize = 100;

/// Whether colours are wanted: on a terminal that has them, unless `NO_COLOR` is set; `CLICOLOR_FORCE` wants them anywhere.
fn has_colours() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
    set("CLICOLOR_FORCE") || (io::stdout().is_terminal() && !dumb && !set("NO_COLOR"))
}

/// Words that begin a line of a page and the colour that they have in the e-mail.
const COLOURS: [(&str, &str); 9] = [
    ("CRITICAL", "1;31"),
    ("WARNING", "1;33"),
    ("  Critical", "1;31"),
    ("  Warning", "1;33"),
    ("  Calming", "1;32"),
    ("  Note", "1;34"),
    ("  + ", "32"),
    ("  - ", "31"),
    ("Next step:", "1"),
];

/// A line with its first words coloured, or bold where it is a heading.
fn coloured(text: &str) -> String {
    let dyed = |colour: &str, words: &str| format!("\u{1b}[{colour}m{words}\u{1b}[0m");
    if let Some((word, colour, rest)) = COLOURS.iter().find_map(|(w, c)| text.strip_prefix(w).map(|rest| (w, c, rest)))
    {
        return dyed(colour, word) + rest;
    }
    let is_heading = text.starts_with(char::is_uppercase) && !text.contains(char::is_lowercase) && text.len() > 3;
    let rest = text.trim_end_matches("(overdue)");
    match is_heading {
        true => dyed("1", text),
        false if rest.len() < text.len() => format!("{rest}{}", dyed("1;31", "(overdue)")),
        false => text.to_owned(),
    }
}

/// One object on one line, for scripts.
pub fn json<T: Serialize>(value: &T) {
    // A value that cannot be JSON would be a defect of ours; it then shows as null.
    line(&serde_json::to_string(value).unwrap_or_else(|_| "null".into()));
}

/// Something that is wrong, beside the output.
#[expect(clippy::print_stderr, reason = "commands speak to people here")]
pub fn error(what: &impl Display) {
    eprintln!("barometer: {}", printable(&what.to_string()));
}

/// A remark beside the output.
pub fn note(what: &str) {
    error(&what);
}

/// A table with aligned columns; the first row is its head.
pub fn table(rows: &[Vec<String>]) {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| one_line(cell)).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |n: usize| rows.iter().filter_map(|r| r.get(n)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}", width = *width));
        line(cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

/// Longest cell of a table, in characters.
const CELL: usize = 60;

fn one_line(cell: &str) -> String {
    let cell = cell.split_whitespace().collect::<Vec<_>>().join(" ");
    let cell = printable(&cell);
    if cell.chars().count() <= CELL { cell } else { cell.chars().take(CELL - 1).chain(['…']).collect() }
}

/// Control characters, and those that turn the reading direction, made visible.
pub fn printable(text: &str) -> String {
    let steers = |c: char| {
        (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).collect()
}

fn line(text: &str) {
    if let Err(error) = writeln!(io::stdout().lock(), "{text}") {
        let code = i32::from(error.kind() != ErrorKind::BrokenPipe);
        #[expect(clippy::exit, reason = "nobody reads on; there is nothing left to do")]
        std::process::exit(code);
    }
}
