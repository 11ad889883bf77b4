//! Tokens with a content: numbers, addresses, prefixes, strings, the names of entities.
//!
//! Must never know: where they may stand.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::{Lexer, TokenKind, is_name_char};
use crate::base::diag::Diagnostic;
use crate::base::similar::clip;

impl<'a> Lexer<'a> {
    /// The length of what looks like a literal: characters of names and `others`, and dots before a digit.
    fn literal_run(text: &str, others: &[char]) -> usize {
        let mut end = 0;
        loop {
            let rest = text.get(end..).unwrap_or_default();
            end += Self::run(rest, |c| is_name_char(c) || others.contains(&c));
            let mut behind = text.get(end..).unwrap_or_default().chars();
            if behind.next() == Some('.') && behind.next().is_some_and(|c| c.is_ascii_digit()) {
                end += 1;
            } else {
                return end;
            }
        }
    }

    /// An IPv6 address or prefix, where two colons follow each other or stand among hexadecimal digits.
    pub(super) fn address_v6(&mut self) -> Option<TokenKind<'a>> {
        let rest = self.rest();
        let hex = Self::run(rest, |c| c.is_ascii_hexdigit() || c == ':');
        let colons = rest
            .get(..hex)?
            .bytes()
            .filter(|&b| b == b':')
            .take(2)
            .count();
        if colons < 2 {
            return None;
        }
        let end = Self::literal_run(rest, &[':', '%']);
        let word = rest.get(..end)?;
        Some(if let Ok(ip) = word.parse::<Ipv6Addr>() {
            self.prefix(IpAddr::V6(ip), end)
        } else {
            let help = if word.contains('%') {
                "an address has no zone here"
            } else {
                "an address looks like `10.1.1.1` or `fd00::1`"
            };
            let message = format!("`{}` is not an address", clip(word));
            self.bad("L005", end, &message, help)
        })
    }

    /// A number, a port range, an IPv4 address or prefix.
    pub(super) fn number(&mut self) -> TokenKind<'a> {
        let rest = self.rest();
        let end = Self::literal_run(rest, &[]);
        let word = rest.get(..end).unwrap_or_default();
        if word.contains('.') {
            return if let Ok(ip) = word.parse::<Ipv4Addr>() {
                self.prefix(IpAddr::V4(ip), end)
            } else {
                let message = format!("`{}` is not an address", clip(word));
                self.bad(
                    "L005",
                    end,
                    &message,
                    "an address looks like `10.1.1.1` or `fd00::1`",
                )
            };
        }
        let mut behind = rest.get(end..).unwrap_or_default().chars();
        if behind.next() == Some('-') && behind.next().is_some_and(|c| c.is_ascii_digit()) {
            return self.range(end);
        }
        if let Ok(number) = word.parse::<u32>() {
            self.at += end;
            return TokenKind::Number(number);
        }
        let help = if word.bytes().all(|b| b.is_ascii_digit()) {
            "ports are numbers from 0 to 65535"
        } else {
            "a name begins with a letter"
        };
        let message = format!("`{}` is not a number", clip(word));
        self.bad("L004", end, &message, help)
    }

    /// `1-1024`; `dash` is where the dash stands.
    fn range(&mut self, dash: usize) -> TokenKind<'a> {
        let rest = self.rest();
        let high = rest.get(dash + 1..).unwrap_or_default();
        let end = dash + 1 + Self::run(high, is_name_char);
        let word = rest.get(..end).unwrap_or_default();
        let bound = |text: Option<&str>| text.and_then(|t| t.parse::<u16>().ok());
        let (low, high) = (bound(rest.get(..dash)), bound(rest.get(dash + 1..end)));
        match (low, high) {
            (Some(low), Some(high)) if low <= high => {
                self.at += end;
                TokenKind::Range(low, high)
            }
            (Some(_), Some(_)) => {
                let message = format!("the port range `{}` is empty", clip(word));
                self.bad("L006", end, &message, "the lower port comes first")
            }
            _ => {
                let message = format!("`{}` is not a port range", clip(word));
                self.bad(
                    "L006",
                    end,
                    &message,
                    "a range looks like `1-1024`; ports end at 65535",
                )
            }
        }
    }

    /// The address that ends at `end`, or the prefix that it begins.
    fn prefix(&mut self, ip: IpAddr, end: usize) -> TokenKind<'a> {
        let behind = self.rest().get(end..).unwrap_or_default();
        let digits = behind.strip_prefix('/').unwrap_or_default();
        let length = Self::run(digits, is_name_char);
        if !digits.starts_with(|c: char| c.is_ascii_digit()) {
            self.at += end;
            return TokenKind::Address(ip);
        }
        let end = end + 1 + length;
        let word = self.rest().get(..end).unwrap_or_default();
        let net = digits
            .get(..length)
            .and_then(|l| l.parse::<u8>().ok())
            .and_then(|l| IpNet::new(ip, l).ok());
        match net {
            Some(net) if net.trunc() == net => {
                self.at += end;
                TokenKind::Prefix(net)
            }
            Some(net) => {
                let message = format!("the prefix `{}` has bits set beyond its length", clip(word));
                self.bad(
                    "L005",
                    end,
                    &message,
                    &format!("did you mean `{}`", net.trunc()),
                )
            }
            None => {
                let message = format!("`{}` is not a prefix", clip(word));
                let most = if ip.is_ipv4() { 32 } else { 128 };
                self.bad(
                    "L005",
                    end,
                    &message,
                    &format!("its length is at most {most}"),
                )
            }
        }
    }

    /// A string; it ends on its line.
    pub(super) fn string(&mut self) -> TokenKind<'a> {
        let start = self.at;
        let mut text = String::new();
        let mut chars = self.rest().char_indices();
        chars.next();
        while let Some((i, c)) = chars.next() {
            match c {
                '"' => {
                    self.at = start + i + 1;
                    return TokenKind::Text(text);
                }
                '\n' => break,
                '\\' => match chars.next() {
                    Some((_, c @ ('"' | '\\'))) => text.push(c),
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, 'r')) => text.push('\r'),
                    None | Some((_, '\n')) => break,
                    Some((_, other)) => {
                        let span = self.span(start + i, start + i + 1 + other.len_utf8());
                        let shown = clip(other.encode_utf8(&mut [0; 4]));
                        self.report.push(
                            Diagnostic::error("L003", span, format!("unknown escape `\\{shown}`"))
                                .help("escapes are `\\\"`, `\\\\`, `\\n`, `\\t` and `\\r`"),
                        );
                    }
                },
                _ => text.push(c),
            }
        }
        let length = Self::run(self.rest(), |c| c != '\n');
        self.bad(
            "L002",
            length,
            "the string is not closed",
            "close it with `\"` on the same line",
        )
    }

    /// An entity literal; `open` is behind its parenthesis.
    pub(super) fn entity(&mut self, word: &'static str, open: usize) -> TokenKind<'a> {
        let rest = self.rest();
        let inside = rest.get(open..).unwrap_or_default();
        let length = Self::run(inside, |c| !matches!(c, '(' | ')' | ',' | '\n'));
        let name = inside.get(..length).unwrap_or_default().trim();
        let closed = inside.get(length..).is_some_and(|b| b.starts_with(')'));
        let wrong = if !closed {
            "is not closed"
        } else if name.is_empty() {
            "has no name"
        } else if name.contains(char::is_whitespace) {
            "has a name with blanks"
        } else {
            self.at += open + length + 1;
            return TokenKind::Entity(word, name);
        };
        // Reading goes on behind the parenthesis that was meant, if it is on this line.
        let line = Self::run(inside, |c| c != '\n' && c != ')');
        let end = open + line + usize::from(inside.get(line..).is_some_and(|b| b.starts_with(')')));
        let message = format!("the entity `{word}(…)` {wrong}");
        let help = "between the parentheses stands one name, such as `pod(P2)` or `pod(shop/db)`";
        self.bad("L007", end, &message, help)
    }
}
