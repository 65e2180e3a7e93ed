//! Spans of time as settings write them: a whole number and one unit.

use jiff::SignedDuration;

use crate::calendar::WorkingSpan;

/// What is wrong with a written span.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a span of time; write a number and a unit (s, m, h, d, w), such as \"15m\" or \"4h\"")]
pub struct BadSpan(String);

/// Longest span, in seconds: ten years.
const LONGEST: i64 = 10 * 365 * 86_400;

fn parts(text: &str) -> Option<(i64, char)> {
    let text = text.trim();
    let unit = text.chars().last()?;
    let number = text.strip_suffix(unit)?.trim_end();
    (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())).then_some(())?;
    Some((number.parse().ok()?, unit))
}

/// Reads a span such as `90s`, `15m`, `4h`, `2d` (of 24 hours), `1w`; at most ten years.
///
/// # Errors
///
/// When it is no such span.
pub fn parse_span(text: &str) -> Result<SignedDuration, BadSpan> {
    let seconds = parts(text).and_then(|(number, unit)| {
        let unit = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 7 * 86_400,
            _ => return None,
        };
        number.checked_mul(unit).filter(|seconds| *seconds <= LONGEST)
    });
    seconds.map(SignedDuration::from_secs).ok_or_else(|| BadSpan(text.to_owned()))
}

/// Reads a span of working time: `d` is a working day, `w` five of them.
///
/// # Errors
///
/// When it is no such span.
pub fn parse_working_span(text: &str) -> Result<WorkingSpan, BadSpan> {
    let days = parts(text).and_then(|(number, unit)| match unit {
        'd' => Some(number),
        'w' => number.checked_mul(5),
        _ => None,
    });
    let span = parse_span(text)?;
    Ok(match days {
        Some(days) => WorkingSpan { days, time: SignedDuration::ZERO },
        None => WorkingSpan { days: 0, time: span },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_one_number_and_one_unit() {
        #[rustfmt::skip]
        let cases = [
            ("0m", Some(0)), ("90s", Some(90)), ("15m", Some(900)), (" 4h ", Some(14_400)), ("2d", Some(172_800)), ("1w", Some(604_800)),
            ("", None), ("m", None), ("4", None), ("-4h", None), ("4 h", Some(14_400)), ("4y", None), ("1.5h", None), ("99999999999999999999h", None),
            ("9223372036854775807w", None), ("11000d", None), ("4h30m", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(parse_span(text).ok(), seconds.map(SignedDuration::from_secs), "{text}");
        }
    }

    #[test]
    fn a_day_of_work_is_a_working_day() {
        assert_eq!(parse_working_span("5d"), Ok(WorkingSpan { days: 5, time: SignedDuration::ZERO }));
        assert_eq!(parse_working_span("1w"), Ok(WorkingSpan { days: 5, time: SignedDuration::ZERO }));
        assert_eq!(parse_working_span("8h"), Ok(WorkingSpan { days: 0, time: SignedDuration::from_hours(8) }));
        assert!(parse_working_span("soon").is_err());
    }
}
