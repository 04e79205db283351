//! Lists through the values of a slab: in and out anywhere, in a step or two.

use std::collections::{BTreeMap, btree_map::Entry};

use super::slab::{Id, Slab};

/// A value's neighbours in one list.
#[derive(Debug)]
pub(super) struct Links<T> {
    before: Option<Id<T>>,
    after: Option<Id<T>>,
}

impl<T> Default for Links<T> {
    fn default() -> Self {
        Self {
            before: None,
            after: None,
        }
    }
}

/// A value that can be in lists: in one of each kind.
pub(super) trait Linked: Sized {
    fn links(&self, kind: usize) -> &Links<Self>;
    fn links_mut(&mut self, kind: usize) -> &mut Links<Self>;
}

/// A list of one kind.
#[derive(Debug)]
pub(super) struct List<T, const KIND: usize> {
    ends: Option<(Id<T>, Id<T>)>,
}

impl<T, const KIND: usize> Default for List<T, KIND> {
    fn default() -> Self {
        Self { ends: None }
    }
}

impl<T: Linked, const KIND: usize> List<T, KIND> {
    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_none()
    }

    pub(super) fn first(&self) -> Option<Id<T>> {
        self.ends.map(|(first, _)| first)
    }

    pub(super) fn last(&self) -> Option<Id<T>> {
        self.ends.map(|(_, last)| last)
    }

    /// Puts a value that is in no list of this kind at the end.
    pub(super) fn push(&mut self, slab: &mut Slab<T>, id: Id<T>) {
        let before = self.last();
        *slab[id].links_mut(KIND) = Links {
            before,
            after: None,
        };
        if let Some(before) = before {
            slab[before].links_mut(KIND).after = Some(id);
        }
        self.ends = Some((self.first().unwrap_or(id), id));
    }

    /// Takes a value out that is in this list.
    pub(super) fn remove(&mut self, slab: &mut Slab<T>, id: Id<T>) {
        let Links { before, after } = core::mem::take(slab[id].links_mut(KIND));
        if let Some(before) = before {
            slab[before].links_mut(KIND).after = after;
        }
        if let Some(after) = after {
            slab[after].links_mut(KIND).before = before;
        }
        self.ends = self.ends.and_then(|(first, last)| {
            let first = if first == id { after } else { Some(first) };
            let last = if last == id { before } else { Some(last) };
            first.zip(last)
        });
    }

    pub(super) fn iter<'a>(
        &self,
        slab: &'a Slab<T>,
    ) -> impl Iterator<Item = Id<T>> + use<'a, T, KIND> {
        std::iter::successors(self.first(), |id| slab[*id].links(KIND).after)
    }
}

/// A list for each key that there is one for.
#[derive(Debug)]
pub(super) struct Lists<K, T, const KIND: usize>(BTreeMap<K, List<T, KIND>>);

impl<K, T, const KIND: usize> Default for Lists<K, T, KIND> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord + Copy, T: Linked, const KIND: usize> Lists<K, T, KIND> {
    pub(super) fn push(&mut self, slab: &mut Slab<T>, key: K, id: Id<T>) {
        self.0.entry(key).or_default().push(slab, id);
    }

    pub(super) fn remove(&mut self, slab: &mut Slab<T>, key: K, id: Id<T>) {
        if let Entry::Occupied(mut list) = self.0.entry(key) {
            list.get_mut().remove(slab, id);
            if list.get().is_empty() {
                list.remove();
            }
        }
    }

    /// The lowest key, and one of those under it.
    pub(super) fn first(&self) -> Option<(K, Id<T>)> {
        let (key, list) = self.0.first_key_value()?;
        list.first().map(|id| (*key, id))
    }

    /// The lists of some keys, the lowest key first.
    pub(super) fn range(&self, keys: std::ops::Range<K>) -> impl Iterator<Item = &List<T, KIND>> {
        self.0.range(keys).map(|(_, list)| list)
    }
}
