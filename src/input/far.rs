//! A JSON text that is not held: a list is taken item by item, anything else as one document.
//!
//! Knows: lists of objects, with `items` before or after `kind`. Must never know: the fields of a kind.
//!
//! The items of a `PodList` do not say what they are, and `kubectl` prints what they are at the end. Then the text is
//! read a second time from the first such item on.

use super::gather::{Choices, Gathered};
use super::identify::{Identity, identify};
use super::json::skip::{Class, Part};
use super::json::{Builder, Cursor, Stop, more};
use super::problems::Problems;
use super::yaml::Yaml;
use super::yaml::tree::Row;
use crate::base::diag::Diagnostic;
use crate::base::far::Far;
use crate::base::source::SourceId;

/// What a text is read into.
pub(super) struct Into<'i> {
    pub(super) group: &'i mut Gathered,
    pub(super) choices: &'i Choices,
    pub(super) problems: &'i mut Problems,
}

/// One way through the text.
struct Pass {
    /// What the list says of its items, where that is known beforehand.
    list: Option<(String, String)>,
    /// Items that were taken before.
    taken: usize,
    /// Items met.
    met: usize,
    /// An item does not say what it is, and neither has the list yet.
    waits: bool,
}

/// Reads a text: the one document of it, unless it is a list, whose items are taken here; and how many items it has.
pub(super) fn read(
    source: SourceId,
    name: &str,
    far: &dyn Far,
    into: &mut Into<'_>,
) -> (Yaml, usize) {
    let mut pass = Pass {
        list: None,
        taken: 0,
        met: 0,
        waits: false,
    };
    loop {
        match once(source, name, far, &mut pass, into) {
            Ok(Some(yaml)) => return (yaml, pass.met),
            Ok(None) => {}
            Err(stop) => {
                into.problems.push(*stop.0);
                return (Yaml::empty(source), pass.met);
            }
        }
    }
}

/// Reads from the beginning; none where it has to be read again.
fn once(
    source: SourceId,
    name: &str,
    far: &dyn Far,
    pass: &mut Pass,
    into: &mut Into<'_>,
) -> Result<Option<Yaml>, Stop> {
    let again = pass.list.is_some();
    let cannot = |why: String| {
        let message = format!("it cannot be read: {why}");
        let file = Some(name.to_owned());
        Stop(Box::new(Diagnostic::error_in("I004", file, message)))
    };
    let pieces = far.open().map_err(cannot)?;
    let text = &mut Cursor::new(source, name, pieces);
    text.skip_mark()?;
    let mut top = Builder::new(source);
    let before = into.problems.errors();
    if text.next()? != Some(b'{') {
        top.top(text, Part::All, into.problems)?;
        end(text)?;
        let sound = into.problems.errors() == before;
        return Ok(Some(Yaml::of(top.into_tree(), 0, sound)));
    }
    let begin = text.place();
    text.advance(1);
    let mut part = Part::Object(Class::Unknown);
    let mut entries = Vec::new();
    let mut items = None;
    let mut next = text.next()? != Some(b'}');
    if !next {
        text.advance(1);
    }
    // What is said of the list as a whole was said when it was read first.
    let mut silent = Problems::with_room(0);
    while next {
        let key = top.key(text)?;
        let is_items = top.text_of(key) == "items";
        let streams = is_items && items.is_none() && is_list(part) && text.next()? == Some(b'[');
        let value = if streams {
            items = Some(text.place());
            let (list, kind) = told(&top, &entries, pass);
            pass.items(text, (list, kind), into)?;
            top.empty_list(items.unwrap_or(begin))
        } else {
            let below = part.below(top.text_of(key));
            let problems = if again {
                &mut silent
            } else {
                &mut *into.problems
            };
            top.value(text, below, 1, problems)?
        };
        if Builder::is_text(value) {
            part = part.told(top.text_of(key), top.text_of(value));
        }
        entries.extend([key, value]);
        next = more(text, b'}')?;
    }
    end(text)?;
    let problems = if again {
        &mut silent
    } else {
        &mut *into.problems
    };
    let root = top.object(begin, entries, problems);
    let yaml = Yaml::of(top.into_tree(), root, into.problems.errors() == before);
    if items.is_none() {
        return Ok(Some(yaml));
    }
    list(name, far, &yaml, pass, into)
}

/// At the end of a text whose items were taken: whether it is a list, and whether items are left.
fn list(
    name: &str,
    far: &dyn Far,
    yaml: &Yaml,
    pass: &mut Pass,
    into: &mut Into<'_>,
) -> Result<Option<Yaml>, Stop> {
    let Some(document) = yaml.documents().next() else {
        return Ok(None);
    };
    let (node, mut silent) = (document.node, Problems::with_room(0));
    let place = node.span();
    let Identity::List {
        api_version, kind, ..
    } = identify(node, None, &mut silent)
    else {
        // Nothing was taken of it that another reading would take otherwise, but for an object with `items`.
        let message = "`items` stand in something that is no list";
        return Err(Stop::at("I016", place, message));
    };
    if !std::mem::take(&mut pass.waits) {
        return Ok(Some(Yaml::empty(place.source)));
    }
    if !far.again() {
        let message =
            "the items of the list do not say what they are, and the list says it after them";
        let diagnostic = Diagnostic::error_in("I004", Some(name.to_owned()), message);
        into.problems
            .push(diagnostic.help("write it to a file: that can be read twice"));
        return Ok(Some(Yaml::empty(place.source)));
    }
    // A plain `List` says nothing of its items: they are to say it themselves.
    pass.list = Some((api_version.to_owned(), kind.unwrap_or_default().to_owned()));
    pass.met = 0;
    Ok(None)
}

/// Whether what is known of the object leaves it open that it is a list.
fn is_list(part: Part) -> bool {
    matches!(part, Part::Object(Class::Unknown | Class::Read))
}

/// What is known of the list: apiVersion and kind, and the kind of its items where it says that.
fn told(top: &Builder, entries: &[Row], pass: &Pass) -> (Option<(String, String)>, bool) {
    if let Some((version, kind)) = &pass.list {
        let kind = (!kind.is_empty()).then(|| (version.clone(), kind.clone()));
        return (kind, true);
    }
    let text = |wanted: &str| {
        let mut pairs = entries.chunks_exact(2);
        let pair = pairs.find(|pair| top.text_of(pair[0]) == wanted)?;
        Builder::is_text(pair[1]).then(|| top.text_of(pair[1]).to_owned())
    };
    match (text("apiVersion"), text("kind")) {
        (Some(version), Some(kind)) => {
            let of = kind.strip_suffix("List").filter(|of| !of.is_empty());
            (of.map(|of| (version, of.to_owned())), true)
        }
        _ => (None, false),
    }
}

/// Nothing but white space may follow.
fn end(text: &mut Cursor<'_>) -> Result<(), Stop> {
    if text.next()?.is_none() {
        return Ok(());
    }
    let place = text.place();
    Err(Stop::at(
        "I005",
        place,
        "something follows the end of the document",
    ))
}

impl Pass {
    /// Takes the items of a list; `known` says whether the list has told what it is.
    fn items(
        &mut self,
        text: &mut Cursor<'_>,
        (inherited, known): (Option<(String, String)>, bool),
        into: &mut Into<'_>,
    ) -> Result<(), Stop> {
        text.advance(1);
        if text.next()? == Some(b']') {
            text.advance(1);
            return Ok(());
        }
        let class = match &inherited {
            Some((_, kind)) => Class::of(kind),
            None => Class::Unknown,
        };
        let mut builder = Builder::new(text.source());
        let mut silent = Problems::with_room(0);
        loop {
            builder.clear();
            let skipped = self.waits || self.met < self.taken;
            self.met += 1;
            if skipped {
                builder.value(text, Part::Nothing, 2, &mut silent)?;
            } else {
                let node = builder.top(text, Part::Object(class), into.problems)?;
                let says = |key| node.as_map().is_some_and(|map| map.get(key).is_some());
                let speaks = says("apiVersion") && says("kind");
                if !known && !speaks && node.as_map().is_some() {
                    self.waits = true;
                } else {
                    let inherited = inherited.as_ref();
                    let inherited = inherited.map(|(v, k)| (v.as_str(), k.as_str()));
                    into.group
                        .item(node, inherited, into.choices, into.problems);
                    self.taken += 1;
                }
            }
            if !more(text, b']')? {
                return Ok(());
            }
        }
    }
}
