//! What names mean, and by which of them others reach an item.

use std::collections::{BTreeMap, BTreeSet};

use syn::{Item, UseTree, Visibility};

use crate::tree::{Place, Tree, face};

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Meaning {
    Module(Place),
    /// An item by its module and its number there.
    Item(Place, usize),
    /// Of another crate.
    Foreign(Place),
}

pub(crate) struct Names<'a> {
    tree: &'a Tree,
    /// All public names of each item.
    public: BTreeMap<Meaning, BTreeSet<Place>>,
}

/// No chain of `use` is longer: one that is goes in a circle.
const DEPTH_MAX: usize = 16;

impl<'a> Names<'a> {
    pub(crate) fn new(tree: &'a Tree) -> Self {
        let mut names = Self { tree, public: BTreeMap::new() };
        names.walk(&Place::new(), &Place::new());
        names
    }

    /// Those who have public names, with all of them.
    pub(crate) fn public(&self) -> impl Iterator<Item = (&Meaning, &BTreeSet<Place>)> {
        self.public.iter()
    }

    /// The one name that an item is listed by: the longest, which is that of its own module.
    pub(crate) fn name(&self, meaning: &Meaning) -> Option<&Place> {
        let all = self.public.get(meaning)?;
        all.iter().max_by_key(|name| (name.len(), std::cmp::Reverse(*name)))
    }

    /// The name that others know one of these by, or else the one that it has in the crate.
    pub(crate) fn best(&self, meanings: &[Meaning]) -> Option<Place> {
        let public = meanings.iter().find_map(|meaning| match meaning {
            Meaning::Foreign(name) => Some(name.clone()),
            ours => self.name(ours).cloned(),
        });
        public.or_else(|| {
            let (place, name) = match meanings.first()? {
                Meaning::Item(place, number) => {
                    (place.clone(), ident(&self.tree.modules[place].items[*number]))
                }
                Meaning::Module(place) | Meaning::Foreign(place) => (place.clone(), None),
            };
            Some([vec!["crate".to_owned()], place, name.into_iter().collect()].concat())
        })
    }

    /// What a module shows under `shown`.
    fn walk(&mut self, module: &Place, shown: &Place) {
        for (number, item) in self.tree.modules[module].items.iter().enumerate() {
            if !is_public(item) {
                continue;
            }
            if let Item::Use(item) = item {
                for (path, name) in leaves(&item.tree) {
                    self.show_used(module, &path, name, shown);
                }
            } else if let Some(name) = ident(item) {
                let meaning = self.meaning_of(module, number);
                self.show(meaning, extended(shown, name));
            }
        }
    }

    fn show_used(&mut self, module: &Place, path: &Place, name: Option<String>, shown: &Place) {
        let mut meanings = self.resolve(module, path);
        if meanings.is_empty() && path.len() == 1 {
            // A whole crate.
            meanings.push(Meaning::Foreign(path.to_vec()));
        }
        assert!(!meanings.is_empty(), "cannot follow `pub use {}`", path.join("::"));
        for meaning in meanings {
            match (&name, meaning) {
                (Some(name), meaning) => self.show(meaning, extended(shown, name.clone())),
                (None, Meaning::Module(place)) => self.walk(&place, shown),
                (None, other) => panic!("cannot follow `pub use {other:?}::*`"),
            }
        }
    }

    fn show(&mut self, meaning: Meaning, name: Place) {
        let is_seen = match &meaning {
            // Of several things of one name, `pub use` shows those that are public.
            Meaning::Item(place, number) => is_public(&self.tree.modules[place].items[*number]),
            Meaning::Module(_) | Meaning::Foreign(_) => true,
        };
        let is_new =
            is_seen && self.public.entry(meaning.clone()).or_default().insert(name.clone());
        if let Meaning::Module(place) = meaning {
            if is_new {
                self.walk(&place, &name);
            }
        }
    }

    /// What a path stands for in a module; several things where a function has the name of a module.
    pub(crate) fn resolve(&self, module: &Place, path: &[String]) -> Vec<Meaning> {
        self.follow(module, path, 0)
    }

    fn follow(&self, module: &Place, path: &[String], depth: usize) -> Vec<Meaning> {
        let Some((first, rest)) = path.split_first().filter(|_| depth < DEPTH_MAX) else {
            return Vec::new();
        };
        let mut found = match first.as_str() {
            "crate" => vec![Meaning::Module(Place::new())],
            "self" => vec![Meaning::Module(module.clone())],
            "super" => vec![Meaning::Module(module[..module.len() - 1].to_vec())],
            name => self.look_up(module, name, depth),
        };
        if found.is_empty() && depth < DEPTH_MAX && !rest.is_empty() {
            // Nothing of ours.
            return vec![Meaning::Foreign(path.to_vec())];
        }
        for name in rest {
            let next = found.into_iter().flat_map(|meaning| match meaning {
                Meaning::Module(place) if name == "super" => {
                    vec![Meaning::Module(place[..place.len() - 1].to_vec())]
                }
                Meaning::Module(place) => self.look_up(&place, name, depth),
                Meaning::Foreign(place) => vec![Meaning::Foreign(extended(&place, name.clone()))],
                Meaning::Item(..) => Vec::new(),
            });
            found = next.collect();
        }
        found
    }

    /// What a name stands for in a module.
    fn look_up(&self, module: &Place, name: &str, depth: usize) -> Vec<Meaning> {
        let mut found = BTreeSet::new();
        for (number, item) in self.tree.modules[module].items.iter().enumerate() {
            if ident(item).is_some_and(|ident| ident == name) {
                found.insert(self.meaning_of(module, number));
            }
            let Item::Use(item) = item else { continue };
            for (path, leaf) in leaves(&item.tree) {
                match leaf {
                    // A crate brought in by its own name would lead here again.
                    Some(leaf) if leaf == name && path.as_slice() != [name] => {
                        found.extend(self.follow(module, &path, depth + 1));
                    }
                    Some(_) => {}
                    None => {
                        for place in self.follow(module, &path, depth + 1) {
                            if let Meaning::Module(place) = place {
                                found.extend(self.look_up(&place, name, depth + 1));
                            }
                        }
                    }
                }
            }
        }
        found.into_iter().collect()
    }

    fn meaning_of(&self, module: &Place, number: usize) -> Meaning {
        match &self.tree.modules[module].items[number] {
            Item::Mod(item) => Meaning::Module(extended(module, item.ident.to_string())),
            _ => Meaning::Item(module.clone(), number),
        }
    }
}

pub(crate) fn extended(place: &[String], name: String) -> Place {
    place.iter().cloned().chain([name]).collect()
}

/// The paths that a `use` brings in, each with its name here; all that is there has none.
fn leaves(tree: &UseTree) -> Vec<(Place, Option<String>)> {
    match tree {
        UseTree::Path(path) => {
            let inner = leaves(&path.tree).into_iter();
            let first = path.ident.to_string();
            inner
                .map(|(rest, name)| {
                    let is_first = rest == ["self"];
                    let name = name
                        .map(|name| if is_first && name == "self" { first.clone() } else { name });
                    let rest = if is_first { Place::new() } else { rest };
                    ([vec![first.clone()], rest].concat(), name)
                })
                .collect()
        }
        UseTree::Name(name) => vec![(vec![name.ident.to_string()], Some(name.ident.to_string()))],
        UseTree::Rename(name) => {
            vec![(vec![name.ident.to_string()], Some(name.rename.to_string()))]
        }
        UseTree::Glob(_) => vec![(Place::new(), None)],
        UseTree::Group(group) => group.items.iter().flat_map(leaves).collect(),
    }
}

fn ident(item: &Item) -> Option<String> {
    face(item).0.map(ToString::to_string)
}

fn is_public(item: &Item) -> bool {
    matches!(face(item).1, Visibility::Public(_))
}
