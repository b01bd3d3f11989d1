//! What is public, a line for each.

use std::collections::BTreeSet;

use quote::ToTokens;
use syn::{Attribute, Fields, ImplItem, Item, ItemImpl, Path, TraitItem, Visibility};

use crate::names::{Meaning, Names};
use crate::text::{derives, generics, is_hidden, parameters, signature, text, tidy};
use crate::tree::{Place, Tree, attributes, conditions, is_test};

/// By what it belongs to, then what it is, so that all of a type stands together.
type Line = (String, Rank, String);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Item,
    Member,
    Impl,
}

pub(crate) fn lines(tree: &Tree, names: &Names<'_>) -> Vec<String> {
    let mut printer = Printer { tree, lines: BTreeSet::new() };
    for (meaning, all) in names.public() {
        let name = names.name(meaning).expect("it is public").join("::");
        for other in all.iter().map(|other| other.join("::")).filter(|other| *other != name) {
            printer.add(&other, Rank::Item, format!("pub use {name} as {other}"));
        }
        printer.meaning(meaning, &name);
    }
    for place in tree.modules.keys() {
        printer.impls(place);
    }
    printer.lines.into_iter().map(|(_, _, line)| line).collect()
}

struct Printer<'a> {
    tree: &'a Tree,
    lines: BTreeSet<Line>,
}

impl Printer<'_> {
    fn add(&mut self, owner: &str, rank: Rank, line: String) {
        self.lines.insert((owner.to_owned(), rank, line));
    }

    fn meaning(&mut self, meaning: &Meaning, name: &str) {
        match meaning {
            Meaning::Foreign(path) => {
                self.add(name, Rank::Item, format!("pub use {} as {name}", path.join("::")));
            }
            Meaning::Module(place) => {
                let when = self.tree.modules[place].conditions.join(" ");
                self.add(name, Rank::Item, tidy(&format!("{when} pub mod {name}")));
            }
            Meaning::Item(place, number) => {
                self.item(place, &self.tree.modules[place].items[*number], name);
            }
        }
    }

    fn item(&mut self, place: &Place, item: &Item, name: &str) {
        let before = self.before(place, attributes(item));
        let line = match item {
            Item::Const(item) => format!("pub const {name}: {}", text(&item.ty)),
            Item::Static(item) => format!("pub static {name}: {}", text(&item.ty)),
            Item::Type(item) => {
                let generics = generics(&item.generics);
                format!("pub type {name}{generics} = {}", text(&item.ty))
            }
            Item::Fn(item) => format!("pub {}", signature(&item.sig, name)),
            Item::Struct(item) => {
                let fields = self.fields(&item.fields, name, false);
                let generics = generics(&item.generics);
                format!("pub struct {name}{generics}{fields}")
            }
            Item::Enum(item) => {
                for variant in &item.variants {
                    let inner = format!("{name}::{}", variant.ident);
                    let fields = self.fields(&variant.fields, &inner, true);
                    let before = self.before(&Place::new(), &variant.attrs);
                    self.add(name, Rank::Member, tidy(&format!("{before}{inner}{fields}")));
                }
                format!("pub enum {name}{}", generics(&item.generics))
            }
            Item::Trait(item) => {
                item.items.iter().for_each(|inner| self.trait_item(inner, name));
                let above = text(&item.supertraits);
                let colon = if above.is_empty() { "" } else { ": " };
                format!("pub trait {name}{}{colon}{above}", generics(&item.generics))
            }
            other => panic!("not understood: {}", other.to_token_stream()),
        };
        self.add(name, Rank::Item, tidy(&format!("{before}{line}")));
        for derived in derives(attributes(item)) {
            let when = self.tree.modules[place].conditions.join(" ");
            self.add(name, Rank::Impl, tidy(&format!("{when} impl {derived} for {name}")));
        }
    }

    /// What stands behind the name of a struct or variant. Named fields of a struct have lines of their
    /// own.
    fn fields(&mut self, fields: &Fields, name: &str, is_variant: bool) -> String {
        let mut shown = Vec::new();
        for field in fields {
            let is_public = is_variant || matches!(field.vis, Visibility::Public(_));
            let ty = text(&field.ty);
            shown.push(match &field.ident {
                _ if !is_public => "_".to_owned(),
                None if is_variant => ty,
                None => format!("pub {ty}"),
                Some(ident) if is_variant => format!("{ident}: {ty}"),
                Some(ident) => {
                    let before = self.before(&Place::new(), &field.attrs);
                    let line = tidy(&format!("{before}pub {name}::{ident}: {ty}"));
                    self.add(name, Rank::Member, line);
                    continue;
                }
            });
        }
        match fields {
            Fields::Named(_) if is_variant => format!(" {{ {} }}", shown.join(", ")),
            Fields::Named(_) if shown.is_empty() => " { all public }".to_owned(),
            Fields::Named(_) => " { .. }".to_owned(),
            Fields::Unnamed(_) => format!("({})", shown.join(", ")),
            Fields::Unit => String::new(),
        }
    }

    fn trait_item(&mut self, item: &TraitItem, owner: &str) {
        let line = match item {
            TraitItem::Const(item) => {
                format!("const {owner}::{}: {}", item.ident, text(&item.ty))
            }
            TraitItem::Fn(item) => {
                let name = format!("{owner}::{}", item.sig.ident);
                let body = if item.default.is_some() { " { .. }" } else { "" };
                signature(&item.sig, &name) + body
            }
            TraitItem::Type(item) => {
                let bounds = text(&item.bounds);
                let colon = if bounds.is_empty() { "" } else { ": " };
                format!("type {owner}::{}{colon}{bounds}", item.ident)
            }
            other => panic!("not understood: {}", other.to_token_stream()),
        };
        self.add(owner, Rank::Member, tidy(&line));
    }

    /// All that is implemented in a module, public or not, for what is public.
    fn impls(&mut self, place: &Place) {
        for item in &self.tree.modules[place].items {
            let Item::Impl(item) = item else { continue };
            let whose = text(&item.self_ty);
            if is_hidden(&whose) {
                continue;
            }
            let owner = whose.split('<').next().unwrap_or_default().to_owned();
            match &item.trait_ {
                Some((path, _)) => self.trait_impl(place, item, path, (&owner, &whose)),
                None => self.own_impl(place, item, (&owner, &whose)),
            }
        }
    }

    fn trait_impl(&mut self, place: &Place, item: &ItemImpl, path: &Path, whose: (&str, &str)) {
        let path = text(path);
        if is_hidden(&path) {
            return;
        }
        let types = item.items.iter().filter_map(|inner| match inner {
            ImplItem::Type(inner) => Some(format!("type {} = {}", inner.ident, text(&inner.ty))),
            _ => None,
        });
        let types = types.collect::<Vec<_>>().join("; ");
        let types = if types.is_empty() { types } else { format!(" {{ {types} }}") };
        let before = self.before(place, &item.attrs);
        let (params, bounds) = parameters(&item.generics);
        let (owner, whose) = whose;
        let line = format!("{before}impl{params} {path} for {whose}{bounds}{types}");
        self.add(owner, Rank::Impl, tidy(&line));
    }

    fn own_impl(&mut self, place: &Place, item: &ItemImpl, (owner, whose): (&str, &str)) {
        let (params, bounds) = parameters(&item.generics);
        let is_plain = params.is_empty() && bounds.is_empty() && owner == whose;
        let within =
            if is_plain { String::new() } else { format!(" (impl{params} {whose}{bounds})") };
        for inner in &item.items {
            let (visibility, attributes, line) = match inner {
                ImplItem::Fn(inner) => {
                    let name = format!("{owner}::{}", inner.sig.ident);
                    (&inner.vis, &inner.attrs, signature(&inner.sig, &name))
                }
                ImplItem::Const(inner) => {
                    let line = format!("const {owner}::{}: {}", inner.ident, text(&inner.ty));
                    (&inner.vis, &inner.attrs, line)
                }
                other => panic!("not understood: {}", other.to_token_stream()),
            };
            if matches!(visibility, Visibility::Public(_)) && !is_test(attributes) {
                let outer = self.before(place, &item.attrs);
                let before = outer + &self.before(&Place::new(), attributes);
                let line = tidy(&format!("{before}pub {line}")) + &within;
                self.add(owner, Rank::Member, line);
            }
        }
    }

    /// The attributes that matter, those of the module included.
    fn before(&self, place: &Place, attributes: &[Attribute]) -> String {
        let outer = self.tree.modules[place].conditions.iter().cloned();
        let own = conditions(attributes).into_iter();
        let more = attributes.iter().filter(|attribute| {
            ["non_exhaustive", "deprecated"].iter().any(|name| attribute.path().is_ident(name))
        });
        let more = more.map(|attribute| attribute.to_token_stream().to_string());
        outer.chain(own).chain(more).map(|text| text + " ").collect()
    }
}
