//! Tokens to the surface tree, by recursive descent, with every error of the text at once.
//!
//! Never panics, and is linear in the text. Depth and number of tokens are bounded, so the tree is too.
//! Must never know: which predicates exist.

use crate::base::diag::Diagnostic;
use crate::base::similar::clip;
use crate::base::source::{SourceId, Span};

use super::ast::{Constraint, File, Formula, FormulaKind, MAX_DEPTH, Word};
use super::lexer::{Lexer, Token, TokenKind};

mod formula;

/// More words than this are refused: a tree is many times larger than its text.
const MAX_TOKENS: usize = 1_000_000;

/// What was read of a text.
#[derive(Debug)]
pub struct Parsed {
    /// The tree; complete where there are no diagnostics.
    pub file: File,
    /// Every mistake, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a `.spec` text.
pub fn parse(source: SourceId, text: &str) -> Parsed {
    let mut lexer = Lexer::new(source, text);
    let current = lexer.next_token();
    let next = lexer.next_token();
    let end = current.span.start as usize;
    let mut parser = Parser {
        lexer,
        current,
        next,
        end,
        tokens: 2,
        depth: 0,
        recovering: false,
    };
    let file = parser.file();
    Parsed {
        file,
        diagnostics: parser.lexer.report.into_sorted(),
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    current: Token<'a>,
    next: Token<'a>,
    /// Where the last token that was taken ends.
    end: usize,
    tokens: usize,
    depth: usize,
    /// An error was reported and no place to go on is found yet: what follows from it is not reported.
    recovering: bool,
}

impl<'a> Parser<'a> {
    fn advance(&mut self) -> Token<'a> {
        let next = self.lexer.next_token();
        let current = std::mem::replace(&mut self.next, next);
        let taken = std::mem::replace(&mut self.current, current);
        self.end = taken.span.end as usize;
        self.tokens += 1;
        if self.tokens == MAX_TOKENS {
            let message = format!("the text has more than {MAX_TOKENS} words");
            let error = Diagnostic::error("L017", self.next.span, message);
            self.lexer
                .report
                .push(error.help("split it into several files"));
            self.lexer.stop();
        }
        taken
    }

    fn at(&self, kind: &TokenKind<'_>) -> bool {
        self.current.kind == *kind
    }

    fn take(&mut self, kind: &TokenKind<'_>) -> bool {
        let there = self.at(kind);
        if there {
            self.advance();
        }
        there
    }

    /// From a place to the end of what was taken last.
    fn span_from(&self, start: Span) -> Span {
        self.lexer
            .span(start.start as usize, self.end.max(start.start as usize))
    }

    /// Reports, unless this follows from an earlier error.
    fn error(&mut self, error: Diagnostic) {
        // A bad token is reported already; whatever is wrong here follows from it.
        if !self.recovering && self.current.kind != TokenKind::Bad {
            self.lexer.report.push(error);
        }
        self.recovering = true;
    }

    /// Reports that something else was expected at the current token.
    fn expected(&mut self, code: &'static str, what: &str, help: Option<&str>) {
        let message = format!("expected {what}, found {}", self.found());
        let mut error = Diagnostic::error(code, self.current.span, message);
        error.help = help.map(str::to_owned);
        self.error(error);
    }

    /// The current token for a message.
    fn found(&self) -> String {
        match &self.current.kind {
            TokenKind::End => "the end of the text".to_owned(),
            TokenKind::Text(_) => "a string".to_owned(),
            TokenKind::Constraint => "the next `constraint`".to_owned(),
            _ => format!("`{}`", clip(self.lexer.words_at(self.current.span))),
        }
    }

    fn file(&mut self) -> File {
        let mut file = File::default();
        loop {
            match self.current.kind {
                TokenKind::End => return file,
                TokenKind::Constraint => {
                    let constraint = self.constraint();
                    file.constraints.extend(constraint);
                }
                _ => {
                    let help =
                        "a constraint begins with `constraint NAME \"title\"`; comments with `#`";
                    self.expected("L014", "`constraint`", Some(help));
                }
            }
            while !matches!(self.current.kind, TokenKind::Constraint | TokenKind::End) {
                self.advance();
            }
            self.recovering = false;
            self.depth = 0;
        }
    }

    /// A constraint; none where not even a name can be made out.
    fn constraint(&mut self) -> Option<Constraint> {
        const HELP: &str = "a constraint begins with `constraint NAME \"title\"`";
        let start = self.advance().span;
        let first = self.name();
        let (id, name) = match (first, &self.current.kind, &self.next.kind) {
            (Some(first), TokenKind::Name(_), TokenKind::Text(_)) => (Some(first), self.name()?),
            (Some(first), _, _) => (None, first),
            (None, TokenKind::Text(_), _) => {
                self.expected("L011", "the name of the constraint", Some(HELP));
                // The rest can be read all the same.
                self.recovering = false;
                let span = self.current.span;
                (
                    None,
                    Word {
                        text: String::new(),
                        span,
                    },
                )
            }
            (None, _, _) => {
                self.expected("L011", "the name of the constraint", Some(HELP));
                return None;
            }
        };
        let title = if matches!(self.current.kind, TokenKind::Text(_)) {
            self.string()?
        } else {
            let what = "the title of the constraint, a string";
            self.expected("L011", what, Some(HELP));
            // A title that is not closed, or none at all: the formula can be read all the same.
            self.take(&TokenKind::Bad);
            if begins_formula(&self.current.kind) {
                self.recovering = false;
            }
            Word {
                text: String::new(),
                span: name.span,
            }
        };
        let (mut reason, mut source) = (None, None);
        while let (&TokenKind::Name(clause @ ("reason" | "source")), TokenKind::Text(_)) =
            (&self.current.kind, &self.next.kind)
        {
            let place = self.advance().span;
            let value = self.string()?;
            let slot = if clause == "reason" {
                &mut reason
            } else {
                &mut source
            };
            if let Some(Word { span, .. }) = slot.replace(value) {
                let error =
                    Diagnostic::error("L013", place, format!("the {clause} is given twice"));
                self.lexer
                    .report
                    .push(error.related(span, "first given here"));
            }
        }
        let formula = self.formula(0);
        if !matches!(self.current.kind, TokenKind::Constraint | TokenKind::End) {
            let help = match self.current.kind {
                TokenKind::Close => Some("this parenthesis was never opened"),
                TokenKind::Name(name) => foreign_word(name),
                _ => None,
            };
            let what = "`∧`, `∨`, `⟹`, `⟺` or the end of the constraint";
            self.expected("L008", what, help);
        }
        let span = self.span_from(start);
        Some(Constraint {
            id,
            name,
            title,
            reason,
            source,
            formula,
            span,
        })
    }

    /// A name, if one stands here.
    fn name(&mut self) -> Option<Word> {
        let TokenKind::Name(name) = self.current.kind else {
            return None;
        };
        let span = self.advance().span;
        Some(Word {
            text: name.to_owned(),
            span,
        })
    }

    /// A string, if one stands here.
    fn string(&mut self) -> Option<Word> {
        if !matches!(self.current.kind, TokenKind::Text(_)) {
            return None;
        }
        let token = self.advance();
        let TokenKind::Text(text) = token.kind else {
            return None;
        };
        Some(Word {
            text,
            span: token.span,
        })
    }

    /// Skips what is left inside a parenthesis after an error; whether it ends.
    fn skip_to_close(&mut self) -> bool {
        let mut open = 0usize;
        loop {
            match self.current.kind {
                TokenKind::Constraint | TokenKind::End => return false,
                TokenKind::Open => open += 1,
                TokenKind::Close if open == 0 => {
                    self.advance();
                    self.recovering = false;
                    return true;
                }
                TokenKind::Close => open -= 1,
                _ => {}
            }
            self.advance();
        }
    }

    /// Runs something one level deeper, unless that is too deep: then the rest of the constraint is skipped.
    fn nested<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.depth >= MAX_DEPTH {
            let message = format!("nested more than {MAX_DEPTH} deep");
            let error = Diagnostic::error("L010", self.current.span, message);
            self.error(error.help("split the constraint into several"));
            while !matches!(self.current.kind, TokenKind::Constraint | TokenKind::End) {
                self.advance();
            }
            return None;
        }
        self.depth += 1;
        let result = run(self);
        self.depth -= 1;
        Some(result)
    }

    fn broken(&self, start: Span) -> Formula {
        Formula {
            kind: FormulaKind::Broken,
            span: self.span_from(start),
        }
    }
}

/// Whether a formula may begin with this, names aside.
fn begins_formula(kind: &TokenKind<'_>) -> bool {
    matches!(
        kind,
        TokenKind::Forall | TokenKind::Exists | TokenKind::Not | TokenKind::Open | TokenKind::And
    )
}

/// What a word is called here that is spelled otherwise elsewhere.
fn foreign_word(word: &str) -> Option<&'static str> {
    Some(match word.to_lowercase().as_str() {
        "and" => "did you mean `and`",
        "or" => "did you mean `or`",
        "implies" | "then" => "did you mean `implies`",
        "iff" => "did you mean `iff`",
        "in" => "did you mean `in`",
        "tcp" => "did you mean `TCP`",
        "udp" => "did you mean `UDP`",
        "sctp" => "did you mean `SCTP`",
        "forall" => "did you mean `forall`",
        "exists" => "did you mean `exists`",
        "not" => "did you mean `not`",
        _ => return None,
    })
}
