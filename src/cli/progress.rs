//! Progress of long work: a line on a terminal, nothing in a pipe or a log.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const BAR: &str = "{prefix} {bar:32} {human_pos} of {human_len}, {eta} left";
const COUNT: &str = "{prefix} {human_pos}";

/// Draws on standard error, and only where that is a terminal; gone when dropped.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Begins at none of `total`; where that is not known, 0 makes it a mere count.
    pub fn new(label: &'static str, total: u64) -> Self {
        let known = (total > 0).then_some(total);
        let bar = ProgressBar::with_draw_target(known, ProgressDrawTarget::stderr());
        let template = if known.is_some() { BAR } else { COUNT };
        // Without its template the bar is plain, and still right.
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(label);
        Self { bar }
    }

    /// So many more are done.
    pub fn step(&self, more: u64) {
        self.bar.inc(more);
    }

    /// Takes the line away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lines_are_valid() {
        for template in [BAR, COUNT] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn it_may_run_past_its_total() {
        for total in [0, 3] {
            let progress = Progress::new("testing", total);
            progress.step(5);
            assert_eq!(progress.bar.position(), 5);
            progress.finish();
        }
    }
}
