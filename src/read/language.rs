//! The language of a text.

use whatlang::Lang;

use super::words::WORDS;

/// Fewest letters that tell a language.
const ENOUGH: usize = 30;

/// What is looked at of a longer text, in bytes.
const LONG_ENOUGH: usize = 16 << 10;
/// English is told by the beginning of a text, in bytes.
const BEGINNING: usize = 2 << 10;
/// Fewest words of its own that tell English, and their share of all: one in so many.
const ENOUGH_OWN: usize = 3;
const SHARE: usize = 12;
/// No such word is longer, in bytes.
const LONGEST_OWN: usize = 8;

/// ISO 639-1 code; `en` where the text is too short or too mixed to tell.
pub(super) fn of(text: &str) -> String {
    if is_english(text) {
        return "en".to_owned();
    }
    let text = text.get(..text.floor_char_boundary(LONG_ENOUGH)).unwrap_or(text);
    let letters = text.chars().filter(|c| c.is_alphabetic()).take(ENOUGH).count();
    let wide =
        text.chars().any(|c| matches!(c, '\u{3040}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}'));
    if letters < ENOUGH && !wide {
        return "en".to_owned();
    }
    let found = whatlang::detect(text).filter(whatlang::Info::is_reliable);
    found.map_or("en", |info| code(info.lang())).to_owned()
}

/// Whether a text is plainly English, which most are: the full answer takes far longer.
fn is_english(text: &str) -> bool {
    let beginning = text.get(..text.floor_char_boundary(BEGINNING)).unwrap_or(text);
    let (mut words, mut own) = (0, 0);
    let mut low = String::new();
    for word in beginning.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()) {
        words += 1;
        if word.len() <= LONGEST_OWN {
            low.clear();
            low.push_str(word);
            low.make_ascii_lowercase();
            own += usize::from(WORDS.english.contains(low.as_str()));
        }
    }
    own >= ENOUGH_OWN && own * SHARE >= words
}

fn code(lang: Lang) -> &'static str {
    match lang {
        Lang::Deu => "de",
        Lang::Fra => "fr",
        Lang::Spa => "es",
        Lang::Ita => "it",
        Lang::Por => "pt",
        Lang::Nld => "nl",
        Lang::Pol => "pl",
        Lang::Ces => "cs",
        Lang::Slk => "sk",
        Lang::Swe => "sv",
        Lang::Dan => "da",
        Lang::Nob => "no",
        Lang::Fin => "fi",
        Lang::Hun => "hu",
        Lang::Ron => "ro",
        Lang::Hrv => "hr",
        Lang::Slv => "sl",
        Lang::Srp => "sr",
        Lang::Bul => "bg",
        Lang::Rus => "ru",
        Lang::Ukr => "uk",
        Lang::Ell => "el",
        Lang::Tur => "tr",
        Lang::Heb => "he",
        Lang::Ara => "ar",
        Lang::Pes => "fa",
        Lang::Hin => "hi",
        Lang::Ben => "bn",
        Lang::Tha => "th",
        Lang::Vie => "vi",
        Lang::Ind => "id",
        Lang::Jpn => "ja",
        Lang::Cmn => "zh",
        Lang::Kor => "ko",
        Lang::Est => "et",
        Lang::Lav => "lv",
        Lang::Lit => "lt",
        Lang::Cat => "ca",
        _ => "en",
    }
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn what_is_too_short_to_tell_is_english() {
        #[rustfmt::skip]
        let cases = [
            ("", "en"),
            ("ok", "en"),
            ("Could you send me the roster for next week by Friday, please?", "en"),
            ("Könnten Sie mir bitte bis Freitag den Plan für die nächste Woche schicken?", "de"),
            ("Pourriez-vous m'envoyer le planning de la semaine prochaine avant vendredi ?", "fr"),
            ("来週の予定を金曜日までに送っていただけますか。", "ja"),
        ];
        for (text, expected) in cases {
            assert_eq!(of(text), expected, "{text}");
        }
    }
}
