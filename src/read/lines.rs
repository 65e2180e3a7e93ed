//! Text under construction, as a page is walked: lines, blank lines between
//! them, `> ` before quoted ones.
//!
//! Never longer than asked for by more than one line.

/// Text beyond this many bytes is not written.
pub(super) const LONGEST_BYTES: usize = 1_000_000;
/// Levels of quotation beyond this are shown as this one.
const DEEPEST_QUOTE: usize = 12;

/// Text under construction, line by line.
#[derive(Default)]
pub(super) struct Lines {
    pub(super) out: String,
    line: String,
    /// The line holds a no-break space: empty to the eye, but a line.
    spaced: bool,
    /// A blank line is due before the next text.
    gap_due: bool,
    /// A signature begins: `-- ` is due before the next text.
    sign_due: bool,
    /// Goes before the next text.
    pub(super) bullet: Option<String>,
    /// Levels of quotation we are in.
    pub(super) depth: usize,
    /// Quotation depth of the last line written.
    last_depth: usize,
}

impl Lines {
    /// Adds text whose white space means nothing.
    pub(super) fn flow(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '\u{a0}' | '\u{202f}' | '\u{2007}' => {
                    self.spaced = true;
                    self.space();
                }
                c if c.is_whitespace() => self.space(),
                '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}' | '\u{34f}' | '\u{ad}' | '\u{2060}' => {}
                '\u{200c}' if self.line.is_empty() || self.line.ends_with(' ') => {}
                c => self.line.push(c),
            }
        }
    }

    fn space(&mut self) {
        if !self.line.is_empty() && !self.line.ends_with(' ') {
            self.line.push(' ');
        }
    }

    /// Adds text whose white space counts.
    pub(super) fn keep(&mut self, text: &str) {
        self.line.extend(text.chars().filter(|c| *c != '\r').map(|c| if c == '\u{a0}' { ' ' } else { c }));
    }

    /// A new cell begins: apart from the one before it.
    pub(super) fn cell(&mut self) {
        self.space();
    }

    /// Ends the line, be it empty.
    pub(super) fn end(&mut self) {
        if self.line.trim().is_empty() {
            self.line.clear();
            self.spaced = false;
            self.gap_due = true;
        } else {
            self.write();
        }
    }

    /// Ends the line if there is one.
    pub(super) fn soft_end(&mut self) {
        if self.spaced || !self.line.trim().is_empty() {
            self.end();
        }
        self.line.clear();
    }

    /// Ends the line; a blank one is due before the next text.
    pub(super) fn gap(&mut self) {
        self.soft_end();
        self.gap_due = true;
    }

    /// A line of its own, unless it stands there already.
    pub(super) fn text_line(&mut self, text: &str) {
        if !self.out.trim_end().ends_with(text) {
            self.line.push_str(text);
            self.end();
        }
    }

    /// Ends the line; a signature begins.
    pub(super) fn sign(&mut self) {
        self.soft_end();
        self.sign_due = true;
    }

    fn write(&mut self) {
        let line = std::mem::take(&mut self.line);
        self.spaced = false;
        let text = line.trim_end();
        let is_mark = text.trim() == "--";
        if self.gap_due && !self.out.is_empty() {
            self.row(self.depth.min(self.last_depth), "");
        }
        if std::mem::take(&mut self.sign_due) && !is_mark && !self.out.ends_with("-- \n") {
            self.row(self.depth, "-- ");
        }
        let bullet = self.bullet.take().unwrap_or_default();
        let text = if is_mark { "-- ".to_owned() } else { bullet + text };
        self.row(self.depth, &text);
        self.gap_due = false;
        self.last_depth = self.depth;
    }

    fn row(&mut self, depth: usize, text: &str) {
        let depth = depth.min(DEEPEST_QUOTE);
        for level in 1..=depth {
            self.out.push_str(if level == depth && text.is_empty() { ">" } else { "> " });
        }
        self.out.push_str(text);
        self.out.push('\n');
    }

    pub(super) fn finish(mut self) -> String {
        let length = self.out.trim_end_matches('\n').len();
        self.out.truncate(length.min(self.out.floor_char_boundary(LONGEST_BYTES)));
        self.out
    }
}
