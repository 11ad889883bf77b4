//! Which texts belong to which snapshot, by their names alone.
//!
//! Knows: the layout of folders. Must never know: what a dump holds, files on disk.

use std::collections::{HashMap, HashSet};

use super::linux::{Dumps, layout};
use super::options::Input;
use crate::base::source::{SourceId, SourceMap};

/// A snapshot's folder.
#[derive(Debug)]
pub(super) struct Home {
    /// Its name.
    pub(super) folder: String,
    /// What the cluster is called where the PATH holds several snapshots.
    pub(super) called: Option<String>,
    /// The dumps below it.
    pub(super) dumps: Dumps,
    path: String,
}

/// All snapshots of a run.
#[derive(Debug)]
pub(super) struct Homes {
    all: Vec<Home>,
    dumps: HashSet<SourceId>,
    /// By PATH and folder.
    places: HashMap<(String, String), usize>,
    /// The one snapshot of a PATH, where there is just one: all objects of the PATH belong to it.
    only: HashMap<String, Option<usize>>,
    together: bool,
}

impl Homes {
    pub(super) fn of(sources: &SourceMap, inputs: &[Input], together: bool) -> Self {
        let mut homes = Self {
            all: Vec::new(),
            dumps: HashSet::new(),
            places: HashMap::new(),
            only: HashMap::new(),
            together,
        };
        for input in inputs {
            let source = sources.get(input.source);
            if let Some(folder) = layout::home(source.name())
                && layout::is_top(source.text())
            {
                homes.add(folder, &input.path);
            }
        }
        if homes.all.is_empty() {
            return homes;
        }
        for input in inputs {
            let name = sources.get(input.source).name();
            if let Some((at, folder, file)) = homes.dump(&input.path, name) {
                homes.all[at].dumps.add(folder, file, input.source);
                homes.dumps.insert(input.source);
            }
        }
        homes
    }

    fn key(&self, path: &str) -> String {
        let path = if self.together { "" } else { path };
        path.to_owned()
    }

    fn add(&mut self, folder: &str, path: &str) {
        let at = self.all.len();
        let place = (path.to_owned(), folder.to_owned());
        if self.places.contains_key(&place) {
            return;
        }
        self.places.insert(place, at);
        self.all.push(Home {
            folder: folder.to_owned(),
            called: None,
            dumps: Dumps::default(),
            path: path.to_owned(),
        });
        let key = self.key(path);
        let only = self.only.entry(key.clone()).or_insert(Some(at));
        if *only != Some(at) {
            *only = None;
            let scope = |home: &&mut Home| self.together || home.path == key;
            for home in self.all.iter_mut().filter(scope) {
                home.called = Some(home.folder.clone());
            }
        }
    }

    /// A dump is two steps below its snapshot's folder.
    fn dump<'n>(&self, path: &str, name: &'n str) -> Option<(usize, &'n str, &'n str)> {
        let (above, file) = name.rsplit_once('/')?;
        let (folder, _) = above.rsplit_once('/').unwrap_or(("", above));
        let at = *self.places.get(&(path.to_owned(), folder.to_owned()))?;
        let (namespace, _) = layout::dump(folder, name)?;
        Some((at, namespace, file))
    }

    pub(super) fn is_dump(&self, source: SourceId) -> bool {
        self.dumps.contains(&source)
    }

    /// The snapshot that a text belongs to: the only one, else the one beside it.
    pub(super) fn of_input(&self, sources: &SourceMap, input: &Input) -> Option<(usize, &Home)> {
        let only = *self.only.get(&self.key(&input.path))?;
        let at = if let Some(at) = only {
            at
        } else {
            let name = sources.get(input.source).name();
            let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
            let place = (input.path.clone(), folder.to_owned());
            *self.places.get(&place)?
        };
        Some((at, self.all.get(at)?))
    }
}
