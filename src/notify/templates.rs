//! The templates of what people read: shipped ones, and those a firm puts in their place.
//!
//! A template sees only harmless strings. One that a firm wrote and that fails on some
//! mail gives way to the shipped one, so that no alert is lost to a typing error.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, Value, context};
use serde::Serialize;

use super::harmless::harmless_view;
use super::{alert, brief, digest, incidents, layout, notice, page, sample};

/// Bytes of text or HTML up to which mail programs show all of an e-mail.
const LARGEST: usize = 96_000;
/// How many of a kind an e-mail shows, and how many where that is too much.
const MOST: usize = 20;
const FEWER: [usize; 4] = [12, 6, 3, 1];
/// How many people a line names.
const NAMED: usize = 8;

/// Every shipped template, by the file name that replaces it.
const SHIPPED: [(&str, &str); 15] = [
    ("parts.txt", include_str!("templates/parts.txt")),
    ("parts.html", include_str!("templates/parts.html")),
    ("alert.html", include_str!("templates/alert.html")),
    ("alert.txt", include_str!("templates/alert.txt")),
    ("staff.html", include_str!("templates/staff.html")),
    ("staff.txt", include_str!("templates/staff.txt")),
    ("digest.html", include_str!("templates/digest.html")),
    ("digest.txt", include_str!("templates/digest.txt")),
    ("notice.html", include_str!("templates/notice.html")),
    ("notice.txt", include_str!("templates/notice.txt")),
    ("brief.html", include_str!("templates/brief.html")),
    ("brief.txt", include_str!("templates/brief.txt")),
    ("incidents.html", include_str!("templates/incidents.html")),
    ("incidents.txt", include_str!("templates/incidents.txt")),
    ("demo.html", include_str!("templates/demo.html")),
];

/// An e-mail as people see it: no addresses, no headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line.
    pub subject: String,
    /// The plain text, lines ended by LF.
    pub text: String,
    /// The HTML, lines ended by LF.
    pub html: String,
    /// Why a firm's own template was passed over for the shipped one, where it was.
    pub fault: Option<TemplateError>,
}

/// A template that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {reason}", at_line(*line))]
pub struct TemplateError {
    /// File name of the template.
    pub file: String,
    /// Line, from 1; 0 where it is the whole file.
    pub line: usize,
    /// What is wrong, for people.
    pub reason: String,
}

fn at_line(line: usize) -> String {
    if line == 0 { String::new() } else { format!(":{line}") }
}

/// Templates that compile.
#[derive(Debug, Clone)]
pub struct Templates {
    shipped: Environment<'static>,
    replaced: Option<Environment<'static>>,
}

/// The zones in which one e-mail tells times.
#[derive(Debug, Clone)]
pub(super) struct Clocks {
    /// The reader's.
    pub(super) ours: TimeZone,
    /// The other side's, where times are told in both.
    pub(super) theirs: Option<TimeZone>,
}

impl Templates {
    /// The templates that come with Barometer.
    ///
    /// # Errors
    ///
    /// None in practice: a test compiles each of them.
    pub fn shipped() -> Result<Self, TemplateError> {
        let mut shipped = Environment::new();
        shipped.set_undefined_behavior(UndefinedBehavior::Strict);
        let mut syntax = SyntaxConfig::builder();
        syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
        shipped.set_syntax(syntax.build().map_err(|e| template_error("", &e))?);
        add_filters(&mut shipped);
        for (file, source) in SHIPPED {
            shipped.add_template(file, source).map_err(|e| template_error(file, &e))?;
        }
        Ok(Self { shipped, replaced: None })
    }

    /// The shipped templates, with `overrides` (file name and source) in the place of those of the same name.
    ///
    /// # Errors
    ///
    /// Names file and line of the first one that is no template of ours or does not compile or
    /// fails on a sample.
    pub fn load(overrides: &[(String, String)]) -> Result<Self, TemplateError> {
        let mut templates = Self::shipped()?;
        if overrides.is_empty() {
            return Ok(templates);
        }
        let mut replaced = templates.shipped.clone();
        for (file, source) in overrides {
            if !SHIPPED.iter().any(|(known, _)| known == file) {
                return Err(unknown_file(file));
            }
            replaced.add_template_owned(file.clone(), source.clone()).map_err(|e| template_error(file, &e))?;
        }
        templates.replaced = Some(replaced);
        templates.try_out()?;
        Ok(templates)
    }

    /// The same, with texts in lines of at most so many columns: for a terminal.
    #[must_use]
    pub fn in_columns(mut self, columns: usize) -> Self {
        add_lines(&mut self.shipped, columns);
        if let Some(replaced) = &mut self.replaced {
            add_lines(replaced, columns);
        }
        self
    }

    /// Renders every sample: a name that no view has shows only then.
    fn try_out(&self) -> Result<(), TemplateError> {
        let zone = TimeZone::UTC;
        let mut mails = Vec::new();
        for view in [sample::cancellation(), sample::late_complaint(), sample::silence()] {
            mails.push(alert::render(&view, self, &zone)?);
        }
        for view in [sample::coaching(), sample::berated()] {
            mails.push(alert::render_staff(&view, self, &zone)?);
        }
        for view in [sample::daily(), sample::weekly(), sample::calm()] {
            mails.push(digest::render(&view, self, &zone)?);
        }
        mails.push(brief::render(&brief::sample(), self, &zone)?);
        mails.push(incidents::render(&sample::daily().open, sample::daily().until, self, &zone)?);
        mails.push(notice::render(&sample::notice(), self)?);
        if let Some(fault) = mails.into_iter().find_map(|mail| mail.fault) {
            return Err(fault);
        }
        page::try_index(&sample::demo(), self, &zone)
    }

    /// Text and HTML of the template pair `name`, with as much of each list (`most` in templates) as mail programs
    /// show: they cut off what is longer than [`LARGEST`], and its end with it.
    pub(super) fn render_to_fit(
        &self,
        name: &str,
        subject: &str,
        page: &impl Serialize,
        clocks: &Clocks,
    ) -> Result<Rendered, TemplateError> {
        let page = harmless_page(name, page)?;
        let mut mail = self.render_page(name, subject, &limited(&page, MOST), clocks)?;
        for most in FEWER {
            if mail.html.len().max(mail.text.len()) <= LARGEST {
                break;
            }
            mail = self.render_page(name, subject, &limited(&page, most), clocks)?;
        }
        Ok(mail)
    }

    /// Text and HTML of the template pair `name`.
    pub(super) fn render(
        &self,
        name: &str,
        subject: &str,
        page: &impl Serialize,
        clocks: &Clocks,
    ) -> Result<Rendered, TemplateError> {
        self.render_page(name, subject, &harmless_page(name, page)?, clocks)
    }

    fn render_page(&self, name: &str, subject: &str, page: &Value, clocks: &Clocks) -> Result<Rendered, TemplateError> {
        let (text, text_fault) = self.render_file(&format!("{name}.txt"), page, clocks)?;
        let (html, html_fault) = self.render_file(&format!("{name}.html"), page, clocks)?;
        let subject = subject.to_owned();
        Ok(Rendered { subject, text, html, fault: text_fault.or(html_fault) })
    }

    /// One file, and why the firm's own was passed over where it was.
    pub(super) fn render_file(
        &self,
        file: &str,
        page: &Value,
        clocks: &Clocks,
    ) -> Result<(String, Option<TemplateError>), TemplateError> {
        let fault = match &self.replaced {
            None => None,
            Some(replaced) => match render_with(replaced, file, page, clocks) {
                Ok(text) => return Ok((text, None)),
                Err(fault) => Some(fault),
            },
        };
        render_with(&self.shipped, file, page, clocks).map(|text| (text, fault))
    }
}

/// All that a template sees, made harmless.
pub(super) fn harmless_page(file: &str, page: &impl Serialize) -> Result<Value, TemplateError> {
    let page = serde_json::to_value(page).map_err(|e| TemplateError {
        file: file.to_owned(),
        line: 0,
        reason: e.to_string(),
    })?;
    Ok(harmless_view(page))
}

fn limited(page: &Value, most: usize) -> Value {
    context! { most, ..page.clone() }
}

fn render_with(
    templates: &Environment<'static>,
    file: &str,
    page: &Value,
    clocks: &Clocks,
) -> Result<String, TemplateError> {
    let mut templates = templates.clone();
    add_clocks(&mut templates, clocks);
    let template = templates.get_template(file).map_err(|e| template_error(file, &e))?;
    template.render(page).map_err(|e| template_error(file, &e))
}

/// Filters that need no zone.
fn add_filters(templates: &mut Environment<'static>) {
    add_lines(templates, layout::COLUMNS);
    templates.add_filter("pad", |text: String, columns: usize| format!("{text:<columns$}"));
    templates.add_filter("capital", |text: String| layout::capital(&text));
    templates.add_filter("severity", |severity: String| layout::severity(&severity).to_owned());
    templates.add_filter("level", layout::level);
    templates.add_filter("tallest", |weeks: Value| tallest(&weeks));
    templates.add_filter("bar", layout::bar);
    templates.add_filter("arrow", |weeks: Value| arrow(&weeks));
    templates.add_filter("person", |who: Value| {
        layout::person(&field(&who, "name"), &field(&who, "address"), &field(&who, "note"))
    });
    templates.add_filter("names", names);
    templates.add_filter("count", |n: u64, one: String| layout::count(n, &one));
    templates.add_filter("date", |day: String| day.parse::<Date>().map_or(day, layout::long_date));
    templates.add_filter("short_date", |day: String| day.parse::<Date>().map_or(day, layout::short_date));
    // Until a zone is known; `render` puts the reader's in its place.
    add_clocks(templates, &Clocks { ours: TimeZone::UTC, theirs: None });
}

/// Filters that break text into lines.
fn add_lines(templates: &mut Environment<'static>, columns: usize) {
    templates.add_filter("wrap", move |text: String| layout::wrap(&text, ("", ""), columns));
    templates.add_filter("hang", move |text: String, label: String| layout::hang(&text, &label, columns));
    templates.add_filter("quote", move |text: String| layout::quote(&text, columns));
    templates.add_filter("rule", move |text: String| layout::underlined(&text, columns));
}

/// The greatest number of a chart.
fn tallest(weeks: &Value) -> u64 {
    weeks
        .try_iter()
        .map_or(0, |weeks| weeks.map(|w| points(&w, "pressure").max(points(&w, "goodwill"))).max().unwrap_or(0))
}

/// Which way the last week of a chart goes from the one before.
fn arrow(weeks: &Value) -> &'static str {
    let balance = |week: &Value| i128::from(points(week, "goodwill")) - i128::from(points(week, "pressure"));
    let weeks: Vec<Value> = weeks.try_iter().map_or_else(|_| Vec::new(), Iterator::collect);
    match (weeks.iter().rev().nth(1), weeks.last()) {
        (Some(first), Some(last)) => layout::arrow(balance(last) - balance(first)),
        _ => "",
    }
}

/// A number of a week; none where there is none.
fn points(of: &Value, name: &str) -> u64 {
    of.get_attr(name).ok().and_then(|n| u64::try_from(n).ok()).unwrap_or(0)
}

/// Names of people, with what to know of them; where a name is missing, the address.
#[expect(clippy::needless_pass_by_value, reason = "the shape of a filter")]
fn names(people: Value) -> Result<String, minijinja::Error> {
    let name = |who: Value| {
        let (name, address) = (field(&who, "name"), field(&who, "address"));
        layout::noted(if name.is_empty() { address } else { name }, &field(&who, "note"))
    };
    let all: Vec<Value> = people.try_iter()?.collect();
    let named: Vec<String> = all.iter().take(NAMED).cloned().map(name).collect();
    let named = named.join(", ");
    Ok(match all.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    })
}

/// A text of a person that a template hands to a filter; empty where there is none.
fn field(of: &Value, name: &str) -> String {
    of.get_attr(name).ok().and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Filters that tell a time: `when` in both zones, `day` without the time, `clock` without the day.
fn add_clocks(templates: &mut Environment<'static>, clocks: &Clocks) {
    let both = clocks.clone();
    templates
        .add_filter("when", move |at: String, minutes: Option<i16>| told(at, |at| layout::when(at, &both, minutes)));
    let ours = clocks.ours.clone();
    templates.add_filter("day", move |at: String| told(at, |at| layout::day(at, &ours)));
    let ours = clocks.ours.clone();
    templates.add_filter("clock", move |at: String| told(at, |at| layout::clock(at, &ours)));
    let ours = clocks.ours.clone();
    templates.add_filter("stamp", move |at: String| told(at, |at| layout::stamp(at, &ours)));
}

/// A time that a template names; what is no time stays as it is.
fn told(at: String, tell: impl Fn(Timestamp) -> String) -> String {
    at.parse().map_or(at, tell)
}

fn template_error(file: &str, error: &minijinja::Error) -> TemplateError {
    let reason = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    let file = error.name().unwrap_or(file).to_owned();
    TemplateError { file, line: error.line().unwrap_or(0), reason }
}

fn unknown_file(file: &str) -> TemplateError {
    let known: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
    TemplateError {
        file: file.to_owned(),
        line: 0,
        reason: format!("no template has this name; there are {}", known.join(", ")),
    }
}
