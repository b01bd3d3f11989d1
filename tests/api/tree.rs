//! A crate's modules, as their files have them.

use std::collections::BTreeMap;
use std::path::Path;

use quote::ToTokens;
use syn::{Attribute, Ident, Item, Visibility};

/// Where a module or an item is: its names from the root.
pub(crate) type Place = Vec<String>;

/// All modules by their places; the root is at none.
#[derive(Clone)]
pub(crate) struct Tree {
    pub(crate) modules: BTreeMap<Place, Module>,
}

#[derive(Clone)]
pub(crate) struct Module {
    /// Without those that only tests have.
    pub(crate) items: Vec<Item>,
    /// What must be switched on for it to be there.
    pub(crate) conditions: Vec<String>,
}

type Read<'a> = &'a dyn Fn(&Path) -> Option<String>;

impl Tree {
    pub(crate) fn read(read: Read<'_>) -> Self {
        let text = read(Path::new("lib.rs")).expect("a crate has a lib.rs");
        let mut tree = Self { modules: BTreeMap::new() };
        let items = syn::parse_file(&text).expect("it compiles").items;
        tree.add(Place::new(), items, Vec::new(), Path::new(""), read);
        tree
    }

    /// `folder` is where the files of its inner modules are.
    fn add(
        &mut self,
        place: Place,
        mut items: Vec<Item>,
        conditions: Vec<String>,
        folder: &Path,
        read: Read<'_>,
    ) {
        items.retain(|item| !is_test(attributes(item)));
        for item in &mut items {
            let Item::Mod(module) = item else { continue };
            let name = module.ident.to_string();
            let inner = match module.content.take() {
                Some((_, inner)) => inner,
                None => file(&folder.join(&name), read),
            };
            let conditions = [conditions.clone(), self::conditions(&module.attrs)].concat();
            let place = [place.clone(), vec![name.clone()]].concat();
            self.add(place, inner, conditions, &folder.join(name), read);
        }
        self.modules.insert(place, Module { items, conditions });
    }
}

/// The items of `path.rs`, or of `path/mod.rs`.
fn file(path: &Path, read: Read<'_>) -> Vec<Item> {
    let text = read(&path.with_extension("rs")).or_else(|| read(&path.join("mod.rs")));
    let text = text.unwrap_or_else(|| panic!("there is no file of {}", path.display()));
    syn::parse_file(&text).expect("it compiles").items
}

/// The `cfg` among attributes.
pub(crate) fn conditions(attributes: &[Attribute]) -> Vec<String> {
    let conditions = attributes.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    conditions.map(|condition| condition.to_token_stream().to_string()).collect()
}

/// Whether it is there for tests alone.
pub(crate) fn is_test(attributes: &[Attribute]) -> bool {
    let is_theirs = |condition: &String| {
        ["#[cfg(test)]", "#[cfg(planted)]"].contains(&&*condition.replace(' ', ""))
    };
    conditions(attributes).iter().any(is_theirs)
}

pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    face(item).2
}

/// The name of an item, where it has one, who can see it, and what stands before it.
pub(crate) fn face(item: &Item) -> (Option<&Ident>, &Visibility, &[Attribute]) {
    match item {
        Item::Const(item) => (Some(&item.ident), &item.vis, &item.attrs),
        Item::Enum(item) => (Some(&item.ident), &item.vis, &item.attrs),
        Item::Fn(item) => (Some(&item.sig.ident), &item.vis, &item.attrs),
        Item::Impl(item) => (None, &Visibility::Inherited, &item.attrs),
        Item::Mod(item) => (Some(&item.ident), &item.vis, &item.attrs),
        Item::Static(item) => (Some(&item.ident), &item.vis, &item.attrs),
        Item::Struct(item) => (Some(&item.ident), &item.vis, &item.attrs),
        Item::Trait(item) => (Some(&item.ident), &item.vis, &item.attrs),
        Item::Type(item) => (Some(&item.ident), &item.vis, &item.attrs),
        Item::Use(item) => (None, &item.vis, &item.attrs),
        // What a macro makes cannot be seen, and others are not in use here.
        other => panic!("not understood: {}", other.to_token_stream()),
    }
}
