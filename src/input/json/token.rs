//! Words of JSON: strings, numbers, `true`, `false`, `null`, and what stands between items.
//!
//! Must never know: trees.

use super::MAX_STRING;
use super::cursor::Cursor;
use super::stop::Stop;
use crate::base::source::Span;
use crate::input::decode::show;

/// No number that anybody means is longer.
const MAX_NUMBER: usize = 4096;

/// Reads a number, `true`, `false` or `null`.
pub(in crate::input) fn plain(
    text: &mut Cursor<'_>,
    place: Span,
    word: &mut Vec<u8>,
) -> Result<(), Stop> {
    word.clear();
    let within = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.' | b'_');
    loop {
        let rest = text.rest()?;
        let length = rest.iter().take_while(|b| within(b)).count();
        let ended = length < rest.len() || rest.is_empty();
        word.extend_from_slice(&rest[..length]);
        text.advance(length);
        if ended || word.len() > MAX_NUMBER {
            break;
        }
    }
    let spelled = str::from_utf8(word).unwrap_or_default();
    if matches!(spelled, "true" | "false" | "null") || is_number(spelled) {
        return Ok(());
    }
    if word.is_empty() {
        return Err(unexpected(text, "a value"));
    }
    let message = format!("expected a value, found {}", show(spelled));
    Err(Stop::at("I005", place, &message))
}

/// Reads a string, from its first quote on.
pub(in crate::input) fn string(
    text: &mut Cursor<'_>,
    place: Span,
    word: &mut Vec<u8>,
) -> Result<(), Stop> {
    word.clear();
    text.advance(1);
    loop {
        let rest = text.rest()?;
        if rest.is_empty() {
            return Err(Stop::at("I005", place, "the quote is never closed"));
        }
        let special = rest.iter().position(|b| matches!(b, b'"' | b'\\' | ..b' '));
        let length = special.unwrap_or(rest.len());
        word.extend_from_slice(&rest[..length]);
        text.advance(length);
        if word.len() > MAX_STRING {
            let message = format!("a string is longer than {MAX_STRING} bytes");
            return Err(Stop::at("I014", place, &message));
        }
        match special.and(text.peek()?) {
            None => {}
            Some(b'"') => {
                text.advance(1);
                return Ok(());
            }
            Some(b'\\') => escape(text, word)?,
            Some(_) => {
                let place = text.place();
                return Err(Stop::at("I005", place, "a string ends on its line"));
            }
        }
    }
}

fn escape(text: &mut Cursor<'_>, word: &mut Vec<u8>) -> Result<(), Stop> {
    let place = text.place();
    text.advance(1);
    let bad = || Stop::at("I005", place, "an escape that JSON does not have");
    let c = text.peek()?.ok_or_else(bad)?;
    text.advance(1);
    let c = match c {
        b'"' | b'\\' | b'/' => char::from(c),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let high = hex(text)?.ok_or_else(bad)?;
            if (0xd800..0xdc00).contains(&high) {
                // Half a character, which the next escape makes whole.
                let next = text.peek()? == Some(b'\\');
                text.advance(usize::from(next));
                let next = next && text.peek()? == Some(b'u');
                text.advance(usize::from(next));
                let low = if next { hex(text)? } else { None };
                let low = low.filter(|low| (0xdc00..0xe000).contains(low));
                let low = low.ok_or_else(bad)?;
                char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))
            } else {
                char::from_u32(high)
            }
            .ok_or_else(bad)?
        }
        _ => return Err(bad()),
    };
    let mut bytes = [0; 4];
    let bytes = c.encode_utf8(&mut bytes).as_bytes();
    word.extend_from_slice(bytes);
    Ok(())
}

/// Four digits.
fn hex(text: &mut Cursor<'_>) -> Result<Option<u32>, Stop> {
    let mut number = 0;
    for _ in 0..4 {
        let digit = text.peek()?.and_then(|b| char::from(b).to_digit(16));
        let Some(digit) = digit else {
            return Ok(None);
        };
        text.advance(1);
        number = number * 16 + digit;
    }
    Ok(Some(number))
}

/// Behind an item: whether there is one more, or the list or object ends.
pub(in crate::input) fn more(text: &mut Cursor<'_>, end: u8) -> Result<bool, Stop> {
    match text.next()? {
        Some(b',') => {
            text.advance(1);
            Ok(true)
        }
        Some(byte) if byte == end => {
            text.advance(1);
            Ok(false)
        }
        _ => Err(unexpected(text, &format!("`,` or `{}`", char::from(end)))),
    }
}

pub(in crate::input) fn unexpected(text: &mut Cursor<'_>, wanted: &str) -> Stop {
    let found = match text.peek() {
        Err(stop) => return stop,
        Ok(None) => "the end of the file".to_owned(),
        Ok(Some(_)) => {
            let rest = text.rest().unwrap_or_default();
            let rest = &rest[..rest.len().min(4)];
            let c = String::from_utf8_lossy(rest).chars().next();
            show(&c.map(String::from).unwrap_or_default())
        }
    };
    let message = format!("expected {wanted}, found {found}");
    Stop::at("I005", text.place(), &message)
}

/// JSON's own grammar of numbers.
fn is_number(text: &str) -> bool {
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let rest = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (rest, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let exponent = exponent.map(|e| e.strip_prefix(['+', '-']).unwrap_or(e));
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(digits)
}
