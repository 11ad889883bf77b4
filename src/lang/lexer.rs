//! Text to tokens, one at a time, so that a large text costs no more than itself.
//!
//! Linear in the text: each character is looked at a bounded number of times. What is malformed is reported here and
//! becomes [`TokenKind::Bad`], on which nobody reports again.
//! Must never know: grammar, beyond the raw names inside entity literals.

use crate::base::diag::Diagnostic;
use crate::base::similar::clip;
use crate::base::source::{SourceId, Span};

use super::ast::{ENTITY_WORDS, PROTOCOL_WORDS, Relation};
use super::report::Report;

mod literal;

/// A token with its place.
#[derive(Debug, Clone)]
pub(super) struct Token<'a> {
    pub(super) kind: TokenKind<'a>,
    pub(super) span: Span,
}

/// The kinds of tokens.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind<'a> {
    Constraint,
    Forall,
    Exists,
    And,
    Or,
    Not,
    Implies,
    Iff,
    Relation(Relation),
    True,
    False,
    Open,
    Close,
    Comma,
    Dot,
    Any,
    Name(&'a str),
    Entity(&'static str, &'a str),
    Address(std::net::IpAddr),
    Prefix(ipnet::IpNet),
    Number(u32),
    Range(u16, u16),
    Protocol(&'static str),
    Text(String),
    /// Malformed, and reported.
    Bad,
    End,
}

/// Operators, longest first where one begins another.
const OPERATORS: &[(&str, TokenKind<'static>)] = &[
    ("<=>", TokenKind::Iff),
    ("=>", TokenKind::Implies),
    ("<=", TokenKind::Relation(Relation::LessEqual)),
    (">=", TokenKind::Relation(Relation::GreaterEqual)),
    ("!=", TokenKind::Relation(Relation::NotEqual)),
    ("/\\", TokenKind::And),
    ("\\/", TokenKind::Or),
    ("=", TokenKind::Relation(Relation::Equal)),
    ("<", TokenKind::Relation(Relation::Less)),
    (">", TokenKind::Relation(Relation::Greater)),
    ("∀", TokenKind::Forall),
    ("∃", TokenKind::Exists),
    ("∧", TokenKind::And),
    ("∨", TokenKind::Or),
    ("¬", TokenKind::Not),
    ("⟹", TokenKind::Implies),
    ("⇒", TokenKind::Implies),
    ("⟺", TokenKind::Iff),
    ("⇔", TokenKind::Iff),
    ("≠", TokenKind::Relation(Relation::NotEqual)),
    ("≤", TokenKind::Relation(Relation::LessEqual)),
    ("≥", TokenKind::Relation(Relation::GreaterEqual)),
    ("∈", TokenKind::Relation(Relation::In)),
    ("(", TokenKind::Open),
    (")", TokenKind::Close),
    (",", TokenKind::Comma),
    (".", TokenKind::Dot),
];

/// Operators of other languages: reported, and read as what is meant. Longest first, and before [`OPERATORS`].
const FOREIGN: &[(&str, TokenKind<'static>, &str)] = &[
    ("<->", TokenKind::Iff, "write `⟺` or `<=>`"),
    ("==>", TokenKind::Implies, "write `⟹` or `=>`"),
    ("==", TokenKind::Relation(Relation::Equal), "write `=`"),
    ("->", TokenKind::Implies, "write `⟹` or `=>`"),
    ("→", TokenKind::Implies, "write `⟹` or `=>`"),
    ("↔", TokenKind::Iff, "write `⟺` or `<=>`"),
    ("&&", TokenKind::And, "write `∧` or `and`"),
    ("||", TokenKind::Or, "write `∨` or `or`"),
    ("&", TokenKind::And, "write `∧` or `and`"),
    ("|", TokenKind::Or, "write `∨` or `or`"),
];

/// Words of the language; none of them names anything.
const WORDS: &[(&str, TokenKind<'static>)] = &[
    ("constraint", TokenKind::Constraint),
    ("forall", TokenKind::Forall),
    ("exists", TokenKind::Exists),
    ("and", TokenKind::And),
    ("or", TokenKind::Or),
    ("not", TokenKind::Not),
    ("implies", TokenKind::Implies),
    ("iff", TokenKind::Iff),
    ("in", TokenKind::Relation(Relation::In)),
    ("true", TokenKind::True),
    ("false", TokenKind::False),
];

/// Whether a name may go on with this character (`-` aside).
fn is_name_char(c: char) -> bool {
    c.is_alphabetic() || c.is_ascii_digit() || matches!(c, '_' | '\'' | '\u{2080}'..='\u{2089}')
}

/// Reads tokens off a text.
pub(super) struct Lexer<'a> {
    source: SourceId,
    text: &'a str,
    at: usize,
    pub(super) report: Report,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(source: SourceId, text: &'a str) -> Self {
        // A mark that editors leave, not a word.
        let at = if text.starts_with('\u{feff}') { 3 } else { 0 };
        Self {
            source,
            text,
            at,
            report: Report::default(),
        }
    }

    /// A byte range of the text as a place.
    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        Span {
            source: self.source,
            start: start as u32,
            end: end as u32,
        }
    }

    /// What stands at a place.
    pub(super) fn words_at(&self, span: Span) -> &'a str {
        self.text
            .get(span.start as usize..span.end as usize)
            .unwrap_or_default()
    }

    /// Leaves the rest of the text unread.
    pub(super) fn stop(&mut self) {
        self.at = self.text.len();
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The length of the longest beginning of `text` whose characters all satisfy the test.
    fn run(text: &str, test: impl Fn(char) -> bool) -> usize {
        text.find(|c| !test(c)).unwrap_or(text.len())
    }

    /// The next token; at the end, `End` again and again.
    pub(super) fn next_token(&mut self) -> Token<'a> {
        self.skip_blanks();
        let start = self.at;
        let kind = self.kind();
        Token {
            kind,
            span: self.span(start, self.at),
        }
    }

    fn skip_blanks(&mut self) {
        loop {
            self.at += Self::run(self.rest(), char::is_whitespace);
            if !self.rest().starts_with('#') {
                return;
            }
            self.at += Self::run(self.rest(), |c| c != '\n');
        }
    }

    fn kind(&mut self) -> TokenKind<'a> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return TokenKind::End;
        };
        if first == '"' {
            return self.string();
        }
        if (first.is_ascii_hexdigit() || first == ':')
            && let Some(kind) = self.address_v6()
        {
            return kind;
        }
        if first.is_ascii_digit() {
            return self.number();
        }
        if first.is_alphabetic() || first == '_' {
            return self.word();
        }
        for (sign, kind, help) in FOREIGN {
            if rest.starts_with(sign) {
                self.bad(
                    "L001",
                    sign.len(),
                    &format!("`{sign}` is not an operator here"),
                    help,
                );
                return kind.clone();
            }
        }
        for (sign, kind) in OPERATORS {
            if rest.starts_with(sign) {
                self.at += sign.len();
                return kind.clone();
            }
        }
        if first == '!' {
            self.bad(
                "L001",
                1,
                "`!` is not an operator here",
                "write `¬` or `not`",
            );
            return TokenKind::Not;
        }
        let help = match first {
            ':' => "a quantifier's variables end with `.`; conditions are joined with `∧` and `⟹`",
            '∉' => "write `¬ a ∈ …`",
            '[' | '{' => "group with `(` and `)`",
            '“' | '”' | '\u{27}' | '`' | '‘' | '’' => {
                "strings stand in plain double quotes"
            }
            _ => "see `specs/language.md` for the notation; comments begin with `#`",
        };
        let message = format!(
            "`{}` has no meaning here",
            clip(first.encode_utf8(&mut [0; 4]))
        );
        self.bad("L001", first.len_utf8(), &message, help)
    }

    /// Reports the next `length` bytes and steps over them.
    fn bad(
        &mut self,
        code: &'static str,
        length: usize,
        message: &str,
        help: &str,
    ) -> TokenKind<'a> {
        let span = self.span(self.at, self.at + length);
        self.report
            .push(Diagnostic::error(code, span, message).help(help));
        self.at += length;
        TokenKind::Bad
    }

    /// A name, a word of the language, `_`, or an entity literal.
    fn word(&mut self) -> TokenKind<'a> {
        let rest = self.rest();
        let mut end = 0;
        loop {
            end += Self::run(rest.get(end..).unwrap_or_default(), is_name_char);
            // A dash belongs to a name where the name goes on behind it, so `a->b` has none.
            let mut behind = rest.get(end..).unwrap_or_default().chars();
            if behind.next() == Some('-') && behind.next().is_some_and(is_name_char) {
                end += 1;
            } else {
                break;
            }
        }
        let word = rest.get(..end).unwrap_or_default();
        if let Some(&kind) = ENTITY_WORDS.iter().find(|&&w| w == word) {
            let behind = rest.get(end..).unwrap_or_default();
            let blanks = Self::run(behind, |c| c == ' ' || c == '\t');
            if behind.get(blanks..).is_some_and(|b| b.starts_with('(')) {
                return self.entity(kind, end + blanks + 1);
            }
        }
        self.at += end;
        if word == "_" {
            return TokenKind::Any;
        }
        if let Some(&protocol) = PROTOCOL_WORDS.iter().find(|&&p| p == word) {
            return TokenKind::Protocol(protocol);
        }
        WORDS
            .iter()
            .find(|(w, _)| *w == word)
            .map_or(TokenKind::Name(word), |(_, kind)| kind.clone())
    }
}

/// Whether a name can be written as a bare word.
pub(super) fn is_reserved(word: &str) -> bool {
    word == "_" || PROTOCOL_WORDS.contains(&word) || WORDS.iter().any(|(w, _)| *w == word)
}
