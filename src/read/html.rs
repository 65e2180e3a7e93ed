//! HTML → plain text, as a reader would retype it: lines where the page shows
//! lines, `> ` before quoted ones, nothing that the page hides.
//!
//! One pass over the tokens, no recursion: linear in the input whatever the
//! nesting. Never fails; never fetches or executes anything.

use std::collections::BTreeMap;

use html5gum::{HtmlString, Token, Tokenizer, emitters::default::DefaultEmitter};

use super::lines::{LONGEST_BYTES, Lines};

/// A link without a text of its own shows its target up to this many bytes.
const LONGEST_TARGET: usize = 200;
/// Elements whose contents are not text.
const SILENT: [&str; 11] =
    ["script", "style", "title", "iframe", "noembed", "noframes", "noscript", "template", "svg", "select", "math"];
/// Elements whose nesting matters to us. Those before `INLINE` end lines.
const NESTED: [&str; 19] = [
    "div",
    "blockquote",
    "p",
    "td",
    "th",
    "tr",
    "table",
    "li",
    "ul",
    "ol",
    "pre",
    "section",
    "article",
    "center",
    "h1",
    "h2",
    "h3",
    "address",
    "span",
];
/// The line above a history that the page sets apart; Outlook writes the same into plain texts.
pub(super) const SEAM: &str = "________________________________";
/// Ids and classes of the element in which a program keeps the history, or the header fields above it.
const HISTORIES: [&str; 7] = [
    "divrplyfwdmsg",
    "olk_src_body_section",
    "mail-editor-reference-message-container",
    "yahoo_quoted",
    "zmail_extra",
    "messagereplysection",
    "ms-outlook-mobile-reference-message",
];
/// Marks of a signature block: class or id of the element around it.
const SIGNATURES: [&str; 6] = [
    "gmail_signature",
    "moz-signature",
    "applemailsignature",
    "ms-outlook-mobile-signature",
    "protonmail_signature_block",
    "mobilesignature",
];

/// The text of an HTML body. Quoted lines begin with `> ` for each level, a
/// signature that the page marks as one begins with a line `-- `.
pub(super) fn to_text(html: &str) -> String {
    let mut page = Page::default();
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    for Ok(token) in Tokenizer::new_with_emitter(html, emitter) {
        match token {
            Token::StartTag(tag) if tag.self_closing && is_drawing(&tag.name) => {}
            Token::StartTag(tag) => page.open(&tag.name, &tag.attributes),
            Token::EndTag(tag) => page.close(&tag.name),
            Token::String(text) => page.text(&String::from_utf8_lossy(&text)),
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
        if page.lines.out.len() > LONGEST_BYTES {
            break;
        }
    }
    page.lines.end();
    page.lines.finish()
}

type Attributes = BTreeMap<HtmlString, html5gum::Spanned<HtmlString, ()>>;

/// An element that is open, and what it does to the text inside.
struct Open {
    tag: usize,
    quotes: bool,
    hides: bool,
    gap_after: bool,
    /// The number of the next item, in an ordered list.
    item: Option<u32>,
}

/// Where we stand in the page.
#[derive(Default)]
struct Page {
    lines: Lines,
    open: Vec<Open>,
    /// For each entry of `NESTED`, where it stands in `open`.
    places: [Vec<usize>; NESTED.len()],
    /// How many open elements hide their contents.
    hiding: usize,
    preformatted: usize,
    /// The silent element we are in.
    silent: Option<String>,
    /// Target of the open link, while it has shown no text.
    target: Option<String>,
}

impl Page {
    fn open(&mut self, name: &[u8], attributes: &Attributes) {
        let name = String::from_utf8_lossy(name);
        if self.silent.is_some() {
            return;
        }
        if is_silent(name.as_bytes()) {
            self.silent = Some(name.into_owned());
            return;
        }
        match name.as_ref() {
            "br" if self.hiding == 0 => self.lines.end(),
            "hr" => self.lines.gap(),
            "a" => self.target = attribute(attributes, "href").map(|target| link_target(&target)),
            "img" => self.image(attributes),
            "body" | "html" | "form" | "header" | "footer" | "main" | "dl" | "dt" | "dd" | "caption" | "h4" | "h5"
            | "h6" => self.lines.soft_end(),
            name => {
                if let Some(tag) = NESTED.iter().position(|nested| *nested == name) {
                    self.push(tag, attributes);
                }
            }
        }
    }

    fn push(&mut self, tag: usize, attributes: &Attributes) {
        let name = NESTED.get(tag).copied().unwrap_or_default();
        self.close_implied(name);
        let class = attribute(attributes, "class").unwrap_or_default().to_lowercase();
        let id = attribute(attributes, "id").unwrap_or_default().to_lowercase();
        let style = squeezed(&attribute(attributes, "style").unwrap_or_default());
        // A page that is laid out by tables indents with what others quote with.
        let bare = attributes.is_empty() && self.place_of("td").is_some();
        let quotes = name == "blockquote" && !bare && !is_indent(&style);
        let gap_after = begins_gap(name, &class, &style);
        let hides = is_hidden(&style) || attributes.contains_key(&b"hidden"[..]);
        let named = attribute(attributes, "name").unwrap_or_default().to_lowercase();
        let history = is_history(&class, &id, &named);
        if name != "span" || history {
            self.begin_block(name, gap_after || history || has_rule_above(&style));
        }
        if history && self.hiding == 0 && !hides && self.lines.depth == 0 {
            self.lines.text_line(SEAM);
        }
        if self.hiding == 0 && !hides && is_signature(name, &class, &id) {
            self.lines.sign();
        }
        self.hiding += usize::from(hides);
        self.lines.depth += usize::from(quotes);
        self.preformatted += usize::from(name == "pre");
        if let Some(places) = self.places.get_mut(tag) {
            places.push(self.open.len());
        }
        self.open.push(Open { tag, quotes, hides, gap_after, item: (name == "ol").then_some(1) });
        if name == "li" && self.hiding == 0 {
            let bullet = self.bullet();
            self.lines.bullet = Some(bullet);
        }
    }

    fn begin_block(&mut self, name: &str, gap: bool) {
        match name {
            "td" | "th" => self.lines.cell(),
            _ if gap => self.lines.gap(),
            _ => self.lines.soft_end(),
        }
    }

    fn bullet(&mut self) -> String {
        let list = self.open.iter_mut().rev().nth(1).and_then(|list| list.item.as_mut());
        match list {
            Some(item) => {
                let bullet = format!("{item}. ");
                *item = item.saturating_add(1);
                bullet
            }
            None => "- ".to_owned(),
        }
    }

    /// Ends what a new element ends without saying so: a paragraph, an item, a cell.
    fn close_implied(&mut self, name: &str) {
        let top = self.open.last().and_then(|open| NESTED.get(open.tag)).copied();
        match (name, top) {
            ("span", _) => {}
            ("li", Some("li")) => self.close(b"li"),
            (_, Some("p")) => self.close(b"p"),
            ("td" | "th", Some("td" | "th")) | ("tr", Some("tr")) => {
                self.close(top.unwrap_or_default().as_bytes());
            }
            _ => {}
        }
    }

    fn close(&mut self, name: &[u8]) {
        if let Some(silent) = &self.silent {
            if silent.as_bytes() == name {
                self.silent = None;
            }
            return;
        }
        match name {
            b"a" => {
                if let Some(target) = self.target.take() {
                    self.text(&target);
                }
            }
            b"h4" | b"h5" | b"h6" | b"form" | b"header" | b"footer" | b"dt" | b"dd" => {
                self.lines.soft_end();
            }
            _ => {
                if let Some(tag) = NESTED.iter().position(|nested| nested.as_bytes() == name) {
                    self.pop_to(tag);
                }
            }
        }
    }

    /// Where the innermost open element of this name stands.
    fn place_of(&self, name: &str) -> Option<usize> {
        let tag = NESTED.iter().position(|nested| *nested == name)?;
        self.places.get(tag)?.last().copied()
    }

    /// Ends the innermost open element of this kind and all inside it, unless
    /// it stands outside the cell we are in, or is a span with blocks inside.
    fn pop_to(&mut self, tag: usize) {
        let Some(place) = self.places.get(tag).and_then(|places| places.last().copied()) else {
            return;
        };
        let name = NESTED.get(tag).copied().unwrap_or_default();
        let cell = self.place_of("td").max(self.place_of("th"));
        let of_table = matches!(name, "td" | "th" | "tr" | "table");
        if (!of_table && cell.is_some_and(|cell| place < cell)) || (name == "span" && place + 1 < self.open.len()) {
            return;
        }
        while self.open.len() > place {
            self.pop();
        }
    }

    fn pop(&mut self) {
        let Some(last) = self.open.pop() else { return };
        if let Some(places) = self.places.get_mut(last.tag) {
            places.pop();
        }
        match NESTED.get(last.tag).copied() {
            Some("span" | "td" | "th") => {}
            _ if last.gap_after => self.lines.gap(),
            _ => self.lines.soft_end(),
        }
        if NESTED.get(last.tag).copied() == Some("pre") {
            self.preformatted = self.preformatted.saturating_sub(1);
        }
        self.hiding -= usize::from(last.hides);
        self.lines.depth -= usize::from(last.quotes);
    }

    /// An emoji is often sent as an image; other images say nothing.
    fn image(&mut self, attributes: &Attributes) {
        self.target = None;
        if let Some(alt) = attribute(attributes, "alt")
            && alt.chars().count() <= 4
            && !alt.is_ascii()
        {
            self.text(&alt);
        }
    }

    fn text(&mut self, text: &str) {
        if self.hiding > 0 || self.silent.is_some() {
            return;
        }
        if self.target.is_some() && text.chars().any(|c| !c.is_whitespace()) {
            self.target = None;
        }
        if self.preformatted == 0 {
            self.lines.flow(text);
            return;
        }
        let mut rows = text.split('\n');
        self.lines.keep(rows.next().unwrap_or_default());
        for row in rows {
            self.lines.end();
            self.lines.keep(row);
        }
    }
}

/// Whether the contents of the element are not text.
fn is_silent(name: &[u8]) -> bool {
    SILENT.iter().any(|silent| silent.as_bytes() == name)
}

/// Whether `<name/>` is an element of its own, as in XML.
fn is_drawing(name: &[u8]) -> bool {
    matches!(name, b"svg" | b"math")
}

fn attribute(attributes: &Attributes, name: &str) -> Option<String> {
    attributes.get(name.as_bytes()).map(|value| String::from_utf8_lossy(value).into_owned())
}

/// A style without blanks and capitals, so that it can be searched.
fn squeezed(style: &str) -> String {
    style.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

/// The target of a link that shows no text: an address without its query, a web page.
fn link_target(target: &str) -> String {
    let shown = match target.trim().split_once("mailto:") {
        Some(("", rest)) => rest.split('?').next().unwrap_or_default(),
        _ if target.trim().starts_with("http") => target.trim(),
        _ => "",
    };
    if shown.len() > LONGEST_TARGET { String::new() } else { shown.to_owned() }
}

/// Whether the style takes the element off the page, as preheaders do.
fn is_hidden(style: &str) -> bool {
    let zero = |property: &str| {
        style.match_indices(property).any(|(at, _)| {
            let rest = style.get(at + property.len()..).unwrap_or_default();
            !rest.starts_with(['.', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
        })
    };
    ["display:none", "mso-hide:all", "visibility:hidden"].iter().any(|hide| style.contains(hide))
        || zero("max-height:0")
        || style.starts_with("opacity:0") && zero("opacity:0")
        || style.contains(";opacity:0") && zero(";opacity:0")
}

/// Whether a block quotation only moves the author's own words to the right.
fn is_indent(style: &str) -> bool {
    (style.contains("border:none") || style.contains("border:0"))
        && style.contains("40px")
        && !style.contains("border-left")
}

/// Whether the page shows an empty line around the element.
fn begins_gap(name: &str, class: &str, style: &str) -> bool {
    match name {
        "p" => {
            !(class.starts_with("mso")
                || class.starts_with("xmso")
                || class.starts_with("x_mso")
                || has_no_margin(style))
        }
        "blockquote" | "ul" | "ol" | "h1" | "h2" | "h3" => true,
        _ => false,
    }
}

/// Whether a line is drawn above the element, as Outlook does above a history.
fn has_rule_above(style: &str) -> bool {
    let border = style.split(';').find_map(|property| property.strip_prefix("border-top:"));
    border.is_some_and(|border| border.contains("solid"))
}

fn has_no_margin(style: &str) -> bool {
    ["margin:0", "margin-bottom:0", "margin-top:0"].iter().any(|margin| style.contains(margin))
}

/// Whether a program keeps history in the element.
fn is_history(class: &str, id: &str, name: &str) -> bool {
    let bare = |mark: &str| mark.strip_prefix("x_").unwrap_or(mark).to_owned();
    let marks = class.split_whitespace().chain([id, name]).map(bare);
    marks.into_iter().any(|mark| HISTORIES.contains(&mark.as_str()))
}

fn is_signature(name: &str, class: &str, id: &str) -> bool {
    let named = |mark: &&str| {
        class.split_whitespace().any(|class| class.strip_prefix("x_").unwrap_or(class) == *mark)
            || id.strip_prefix("x_").unwrap_or(id) == *mark
    };
    name != "span" && (SIGNATURES.iter().any(named) || id == "signature" || id == "x_signature")
}

#[cfg(test)]
mod tests {
    use super::to_text;

    #[test]
    fn pages_become_lines() {
        #[rustfmt::skip]
        let cases = [
            ("plain &amp; simple", "plain & simple"),
            ("a<br>b<br><br>c", "a\nb\n\nc"),
            ("<div>a</div><div><br></div><div>b</div>", "a\n\nb"),
            ("<p>a</p><p>b</p>", "a\n\nb"),
            ("<p class=MsoNormal>a</p><p class=MsoNormal>&nbsp;</p><p class=MsoNormal>b<p class=MsoNormal>c", "a\n\nb\nc"),
            ("<ul><li>one<li>two</ul><ol><li>first</li><li>second</li></ol>", "- one\n- two\n\n1. first\n2. second"),
            ("<table><tr><td>Venue</td><td>Hall 4</td></tr><tr><td>Date</td><td>3 May</td></tr></table>", "Venue Hall 4\nDate 3 May"),
            ("<a href='https://x.example/a'>our page</a> <a href='https://x.example/b'></a>", "our page https://x.example/b"),
            ("<a href='mailto:jo@x.example?subject=hi'></a>", "jo@x.example"),
            ("<a href='https://x.example/t/1'><img src=x alt='Big banner'></a>ok<img alt='🙂'>", "ok🙂"),
            ("<style>p{}</style><script>alert(1)</script><title>t</title>seen", "seen"),
            ("<div style='display: none; max-height:0px'>peek</div>seen<span style='mso-hide:all'>x<span>y</span>z</span>", "seen"),
            ("<div style='max-height:0.5em'>seen</div>", "seen"),
            ("<pre>one\n  two\n</pre>", "one\n  two"),
            ("<svg/>a<select><option>1</select><object>b</object>", "ab"),
            ("a\u{200b}b\u{ad}c", "abc"),
            ("<!-- no --><![if !mso]>seen<![endif]>", "seen"),
        ];
        for (html, text) in cases {
            assert_eq!(to_text(html), text, "{html}");
        }
    }

    #[test]
    fn quotations_are_marked() {
        #[rustfmt::skip]
        let cases = [
            ("<div>Fine.</div><div class=gmail_quote><div class=gmail_attr>On Mon, Jo wrote:<br></div>\
              <blockquote class=gmail_quote><div>Is it?</div><div><br></div><blockquote>Deeper</blockquote></blockquote></div>",
             "Fine.\nOn Mon, Jo wrote:\n\n> Is it?\n>\n> > Deeper"),
            ("<blockquote type=cite>theirs</blockquote>mine", "> theirs\n\nmine"),
            ("<blockquote style='margin: 0 0 0 40px; border: none; padding: 0px'>mine</blockquote>", "mine"),
            ("<blockquote><p>a<p>b</blockquote>", "> a\n>\n> b"),
            ("a<div id=divRplyFwdMsg><b>From:</b> Jo<br><b>Sent:</b> Monday<br><b>To:</b> Al</div><div>old</div>",
             "a\n\n________________________________\nFrom: Jo\nSent: Monday\nTo: Al\nold"),
            ("<div>x</div><hr><b>From:</b> Jo", "x\n\nFrom: Jo"),
        ];
        for (html, text) in cases {
            assert_eq!(to_text(html), text, "{html}");
        }
    }

    #[test]
    fn signatures_are_marked_once() {
        #[rustfmt::skip]
        let cases = [
            ("<div>Bye</div><div class='gmail_signature'>Jo<br>Acme</div>", "Bye\n-- \nJo\nAcme"),
            ("<div>Bye</div><span class=gmail_signature_prefix>-- </span><br><div class=gmail_signature>Jo</div>", "Bye\n-- \nJo"),
            ("Bye<pre class=moz-signature>-- \nJo</pre>", "Bye\n-- \nJo"),
            ("Bye<div id=AppleMailSignature>Jo</div>", "Bye\n-- \nJo"),
            ("Bye<div class=gmail_signature></div>", "Bye"),
        ];
        for (html, text) in cases {
            assert_eq!(to_text(html), text, "{html}");
        }
    }

    #[test]
    fn hostile_pages_stay_linear() {
        let many = |piece: &str| piece.repeat(1_000_000 / piece.len());
        for piece in [
            "<div>",
            "<",
            "&amp;",
            "<blockquote>a",
            "</div>",
            "<span></p>",
            "<td><div></table>",
            "<a href=x>",
            "<!--",
            "<li>",
            "<p style='opacity:0'>",
        ] {
            assert!(to_text(&many(piece)).len() <= super::LONGEST_BYTES + 100, "{piece}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(html in "(<(/)?(div|p|span|td|table|tr|li|ol|blockquote|a|pre|br|style|title)( (style='display:none'|hidden|href='http://x'))?>|[a-z &;<>\"'=-]{0,5}|\\PC)*") {
            to_text(&html);
        }
    }
}
