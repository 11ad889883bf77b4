//! Formulas and terms.
//!
//! Precedence, loosest first: ⟺, ⟹ (to the right), ∨, ∧, ¬ and atoms. The body of a quantifier reaches as far right as
//! it can. A `∧` or `∨` before the first of a list is a bullet, as in the seed, and means nothing.

use super::super::ast::{Formula, FormulaKind, Quantifier, Term, TermKind, Word};
use super::super::lexer::{TokenKind, is_reserved};
use super::{Parser, foreign_word};
use crate::base::diag::Diagnostic;
use crate::base::similar::clip;

const IFF: u8 = 0;
const IMPLIES: u8 = 1;
const OR: u8 = 2;
const AND: u8 = 3;

impl Parser<'_> {
    /// A formula whose outermost connective binds at least as tightly as `least`.
    pub(super) fn formula(&mut self, least: u8) -> Formula {
        let start = self.current.span;
        if least <= IMPLIES && matches!(self.current.kind, TokenKind::And | TokenKind::Or) {
            self.advance();
        }
        let mut left = self.operand();
        loop {
            // What follows an error is skipped by whoever knows where to go on.
            if self.recovering {
                return left;
            }
            let (level, sign) = match self.current.kind {
                TokenKind::Iff => (IFF, TokenKind::Iff),
                TokenKind::Implies => (IMPLIES, TokenKind::Implies),
                TokenKind::Or => (OR, TokenKind::Or),
                TokenKind::And => (AND, TokenKind::And),
                _ => return left,
            };
            if level < least {
                return left;
            }
            let kind = if level >= OR {
                let mut parts = vec![left];
                while self.take(&sign) {
                    parts.push(self.formula(level + 1));
                }
                if level == AND {
                    FormulaKind::And(parts)
                } else {
                    FormulaKind::Or(parts)
                }
            } else {
                self.advance();
                // ⟹ goes on to the right, each one a level deeper; ⟺ does not go on.
                let from = if level == IFF { IFF + 1 } else { IMPLIES };
                let Some(right) = self.nested(|p| p.formula(from)) else {
                    return self.broken(start);
                };
                if level == IFF && self.at(&TokenKind::Iff) {
                    let message = "two `⟺` in a row do not say what is meant";
                    let error = Diagnostic::error("L012", self.current.span, message);
                    self.error(error.help("write parentheses, or `(a ⟺ b) ∧ (b ⟺ c)`"));
                    return self.broken(start);
                }
                let (left, right) = (Box::new(left), Box::new(right));
                if level == IFF {
                    FormulaKind::Iff(left, right)
                } else {
                    FormulaKind::Implies(left, right)
                }
            };
            left = Formula {
                kind,
                span: self.span_from(start),
            };
        }
    }

    fn operand(&mut self) -> Formula {
        let start = self.current.span;
        let constant = |truth| FormulaKind::Constant(truth);
        let kind = match self.current.kind {
            TokenKind::True | TokenKind::False => {
                let truth = self.advance().kind == TokenKind::True;
                constant(truth)
            }
            TokenKind::Not => {
                self.advance();
                match self.nested(Self::operand) {
                    Some(inner) => FormulaKind::Not(Box::new(inner)),
                    None => FormulaKind::Broken,
                }
            }
            TokenKind::Forall => self.quantified(Quantifier::Forall),
            TokenKind::Exists => self.quantified(Quantifier::Exists),
            TokenKind::Open => return self.parenthesis(),
            _ => self.atom(),
        };
        Formula {
            kind,
            span: self.span_from(start),
        }
    }

    fn parenthesis(&mut self) -> Formula {
        let start = self.advance().span;
        let Some(inner) = self.nested(|p| p.formula(IFF)) else {
            return self.broken(start);
        };
        if self.take(&TokenKind::Close) {
            return inner;
        }
        if matches!(self.current.kind, TokenKind::Constraint | TokenKind::End) {
            let error = Diagnostic::error("L009", start, "this parenthesis is not closed");
            self.error(error);
        } else {
            let help = match self.current.kind {
                TokenKind::Name(name) => foreign_word(name),
                _ => None,
            };
            self.expected("L008", "`∧`, `∨`, `⟹`, `⟺` or `)`", help);
            self.skip_to_close();
        }
        self.broken(start)
    }

    /// `∀ x, y. f`.
    fn quantified(&mut self, quantifier: Quantifier) -> FormulaKind {
        let sign = self.advance();
        let mut names: Vec<Word> = Vec::new();
        loop {
            if let Some(name) = self.name() {
                names.push(name);
            } else {
                self.not_a_variable();
                break;
            }
            if let TokenKind::Name(_) = self.current.kind {
                // A forgotten comma, surely: reported, and read as one.
                let message = format!("expected `,` or `.` before {}", self.found());
                let error = Diagnostic::error("L016", self.current.span, message);
                let help = "variables are separated with `,`, and `.` ends their list";
                self.lexer.report.push(error.help(help));
            } else if !self.take(&TokenKind::Comma) {
                break;
            }
        }
        // `:` for `.`, as some write it, is reported by the lexer.
        if !self.take(&TokenKind::Dot) && !self.take(&TokenKind::Bad) {
            let message = format!(
                "expected `.` after the variables of `{}`, found {}",
                clip(self.lexer.words_at(sign.span)),
                self.found()
            );
            self.error(Diagnostic::error("L016", self.current.span, message));
            return FormulaKind::Broken;
        }
        match self.nested(|p| p.formula(IFF)) {
            Some(body) => FormulaKind::Quantified(quantifier, names, Box::new(body)),
            None => FormulaKind::Broken,
        }
    }

    fn not_a_variable(&mut self) {
        let word = self.lexer.words_at(self.current.span);
        if is_reserved(word) {
            let message = format!("`{word}` cannot be the name of a variable");
            let error = Diagnostic::error("L016", self.current.span, message);
            self.error(error.help("it is a word of the language"));
        } else {
            self.expected("L016", "a variable", None);
        }
    }

    /// A predicate on terms, or two terms related.
    fn atom(&mut self) -> FormulaKind {
        let Some(left) = self.term("a formula") else {
            return FormulaKind::Broken;
        };
        let TokenKind::Relation(relation) = self.current.kind else {
            return match left.kind {
                TermKind::Call(name, terms) => FormulaKind::Predicate(name, terms),
                TermKind::Broken => FormulaKind::Broken,
                _ => {
                    let shown = clip(self.lexer.words_at(left.span));
                    let message = format!("`{shown}` is a term, but a formula was expected");
                    let help = match &left.kind {
                        TermKind::Name(name) => foreign_word(name).map(str::to_owned),
                        _ => None,
                    };
                    let help = help.unwrap_or_else(|| {
                        format!("compare it, as in `{shown} = …`, or give it to a predicate")
                    });
                    self.error(Diagnostic::error("L008", left.span, message).help(help));
                    FormulaKind::Broken
                }
            };
        };
        self.advance();
        let Some(right) = self.term("a term") else {
            return FormulaKind::Broken;
        };
        if let TokenKind::Relation(again) = self.current.kind {
            let message = format!("`{}` cannot follow another comparison", again.sign());
            let error = Diagnostic::error("L012", self.current.span, message);
            self.error(error.help("join two comparisons with `∧`"));
            return FormulaKind::Broken;
        }
        FormulaKind::Relation(left, relation, right)
    }

    fn term(&mut self, what: &str) -> Option<Term> {
        let start = self.current.span;
        let kind = match &self.current.kind {
            TokenKind::Any => TermKind::Any,
            TokenKind::Name(name) => TermKind::Name((*name).to_owned()),
            TokenKind::Entity(word, name) => TermKind::Entity {
                word,
                name: (*name).to_owned(),
            },
            TokenKind::Address(ip) => TermKind::Address(*ip),
            TokenKind::Prefix(net) => TermKind::Prefix(*net),
            TokenKind::Number(number) => TermKind::Number(*number),
            TokenKind::Range(low, high) => TermKind::Range(*low, *high),
            TokenKind::Protocol(protocol) => TermKind::Protocol(protocol),
            TokenKind::Text(text) => TermKind::Text(text.clone()),
            TokenKind::Bad => TermKind::Broken,
            _ => {
                self.expected("L008", what, None);
                return None;
            }
        };
        self.advance();
        let kind = match kind {
            TermKind::Name(text) if self.at(&TokenKind::Open) => {
                let name = Word { text, span: start };
                self.nested(|p| p.arguments(name))
                    .unwrap_or(TermKind::Broken)
            }
            kind => kind,
        };
        Some(Term {
            kind,
            span: self.span_from(start),
        })
    }

    /// `(t, u, …)` behind a name.
    fn arguments(&mut self, name: Word) -> TermKind {
        let open = self.advance().span;
        let mut terms = Vec::new();
        if self.take(&TokenKind::Close) {
            return TermKind::Call(name, terms);
        }
        while let Some(term) = self.term("a term") {
            terms.push(term);
            if self.take(&TokenKind::Close) {
                return TermKind::Call(name, terms);
            }
            if !self.take(&TokenKind::Comma) {
                break;
            }
        }
        if matches!(self.current.kind, TokenKind::Constraint | TokenKind::End) {
            self.error(Diagnostic::error(
                "L009",
                open,
                "this parenthesis is not closed",
            ));
        } else {
            self.expected("L008", "`,` or `)`", None);
            self.skip_to_close();
        }
        TermKind::Broken
    }
}
