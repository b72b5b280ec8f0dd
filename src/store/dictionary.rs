//! Names as small integers.
//!
//! Rollups count *series*: combinations of dimension values. Names become numbers once, when first seen, and keep
//! them for ever, so a row needs a few bits where ids need dozens of bytes and grouping is an array index.

use std::sync::Arc;

use hashbrown::DefaultHashBuilder;
use imbl::shared_ptr::DefaultSharedPtr;
use imbl::{GenericHashMap, Vector};
use redb::{ReadOnlyTable, ReadableTable};

use super::index::Index;
use super::texts::Texts;
use super::{Log, StoreError, Writer, damaged, keys};
use crate::model::{
    Combination, CostSource, Dimension, Mode, NameLimits, OTHER_NAMES, OrganizationId, Series, SeriesId, TooMany,
    ValueId,
};

const DIMENSIONS: [Dimension; 5] =
    [Dimension::Project, Dimension::ApiKey, Dimension::Model, Dimension::Provider, Dimension::Source];
const NO_ORGANIZATION: OrganizationId = OrganizationId(0);

/// A map of which each commit has a version of its own: copies share what did not change.
type Map<K, V> = GenericHashMap<K, V, DefaultHashBuilder, DefaultSharedPtr>;

/// All names of all organizations. Cheap to clone, however many there are.
#[derive(Debug, Clone, Default)]
pub struct Dictionary {
    numbers: Map<Arc<str>, OrganizationId>,
    /// Organization `n` is at index `n - 1`.
    organizations: Vector<Arc<OrganizationNames>>,
}

/// The names and series of one organization. Only ever grows.
#[derive(Debug, Clone, Default)]
pub struct OrganizationNames {
    names: [NameTable; DIMENSIONS.len()],
    series: Log<Series>,
    series_numbers: Index,
    /// By API key: the last of its series. Key `n` is at index `n - 1`.
    last_of_key: Log<Option<SeriesId>>,
    /// By series: the one before it of the same key.
    before: Log<Option<SeriesId>>,
    unpriced: Log<SeriesId>,
}

#[derive(Debug, Clone, Default)]
struct NameTable {
    /// Value `n` is at index `n - 1`.
    names: Texts,
    numbers: Index,
}

impl Dictionary {
    pub fn organization(&self, name: &str) -> Option<(OrganizationId, &Arc<OrganizationNames>)> {
        let id = *self.numbers.get(name)?;
        Some((id, &self.organizations[id.0 as usize - 1]))
    }

    pub fn by_number(&self, id: OrganizationId) -> Option<&OrganizationNames> {
        self.organizations.get((id.0 as usize).checked_sub(1)?).map(|names| &**names)
    }

    pub fn organization_names(&self) -> impl Iterator<Item = &str> {
        self.numbers.keys().map(|name| &**name)
    }

    /// The numbers of a combination's organization and series, if it was seen before.
    pub fn find(&self, combination: &Combination) -> Option<(OrganizationId, SeriesId)> {
        let (id, names) = self.organization(&combination.organization)?;
        Some((id, names.find(combination)?))
    }

    /// What a combination is counted as if it has names, or is one, beyond what is kept; and of what there are too many.
    /// `None` where it may be created as it is. A name that `is_expected` is kept always.
    pub fn within(
        &self,
        combination: &Combination,
        limits: &NameLimits,
        is_expected: impl Fn(Dimension, &str) -> bool,
    ) -> Option<(Combination, TooMany)> {
        let (_, names) = self.organization(&combination.organization)?;
        names.within(combination, limits, is_expected)
    }

    /// Numbers what is new in a combination and writes it.
    pub fn create(
        &mut self,
        combination: &Combination,
        writer: &Writer,
    ) -> Result<(OrganizationId, SeriesId), StoreError> {
        let id = match self.numbers.get(combination.organization.as_str()) {
            Some(id) => *id,
            None => {
                let id = OrganizationId(self.organizations.len() as u32 + 1);
                writer.put_name(NO_ORGANIZATION, None, &combination.organization, id.0)?;
                self.numbers.insert(combination.organization.as_str().into(), id);
                self.organizations.push_back(Arc::default());
                id
            }
        };
        let names = Arc::make_mut(&mut self.organizations[id.0 as usize - 1]);
        Ok((id, names.create(id, combination, writer)?))
    }

    /// Takes the names of a dimension of an organization, which are all there are.
    fn take(&mut self, of: (u32, u8), mut names: Vec<(u32, String)>) -> Result<(), StoreError> {
        names.sort_unstable_by_key(|(number, _)| *number);
        let (organization, dimension) = of;
        if organization == NO_ORGANIZATION.0 {
            for (number, name) in names {
                self.organizations.push_back(Arc::default());
                self.numbers.insert(name.into(), OrganizationId(number));
                if self.organizations.len() != number as usize {
                    return Err(damaged("the numbering of organizations"));
                }
            }
            return Ok(());
        }
        let table = (organization as usize)
            .checked_sub(1)
            .and_then(|i| Arc::get_mut(self.organizations.get_mut(i)?))
            .and_then(|of| of.names.get_mut((dimension as usize).checked_sub(1)?))
            .ok_or_else(|| damaged("a name's organization or dimension"))?;
        for (number, name) in &names {
            table.names.push(name);
            if table.names.len() != *number as usize {
                return Err(damaged("the numbering of names"));
            }
        }
        table.numbers = Index::of(names.iter().map(|(_, name)| name.as_str()));
        Ok(())
    }

    /// Numbers and writes a series of names that are known.
    pub fn create_series(
        &mut self,
        organization: OrganizationId,
        series: Series,
        writer: &Writer,
    ) -> Result<SeriesId, StoreError> {
        let names = Arc::make_mut(&mut self.organizations[organization.0 as usize - 1]);
        let id = names.push_series(series);
        writer.put_series(organization, id, &series)?;
        Ok(id)
    }
}

impl OrganizationNames {
    /// Every series, at the index of its number.
    pub fn series(&self) -> &Log<Series> {
        &self.series
    }

    /// The series of an API key, the newest first.
    pub fn series_of_key(&self, api_key: ValueId) -> impl Iterator<Item = SeriesId> {
        let index = (api_key.0 as usize).checked_sub(1);
        let last = index.and_then(|index| *self.last_of_key.get(index)?);
        std::iter::successors(last, |series| self.before[series.0 as usize])
    }

    /// The number of a series, if it has one.
    pub fn number_of(&self, series: &Series) -> Option<SeriesId> {
        self.series_numbers.find(series, |number| self.series[number as usize] == *series).map(SeriesId)
    }

    /// The series of calls without a price.
    pub fn unpriced(&self) -> &Log<SeriesId> {
        &self.unpriced
    }

    fn push_series(&mut self, series: Series) -> SeriesId {
        let id = self.list_series(series);
        self.series_numbers.insert(series, id.0);
        id
    }

    /// Takes a series in without its being found.
    fn list_series(&mut self, series: Series) -> SeriesId {
        let id = SeriesId(self.series.len() as u32);
        self.series.push(series);
        let index = series.api_key.0 as usize - 1;
        while self.last_of_key.len() <= index {
            self.last_of_key.push(None);
        }
        if series.cost_source.is_unpriced() {
            self.unpriced.push(id);
        }
        self.before.push(self.last_of_key[index]);
        self.last_of_key.set(index, Some(id));
        id
    }

    /// How many values a dimension has; they are numbered from 1.
    pub fn count(&self, dimension: Dimension) -> usize {
        self.table(dimension).names.len()
    }

    /// `None` for the number that stands for "none".
    pub fn name(&self, dimension: Dimension, value: ValueId) -> Option<&str> {
        let index = (value.0 as usize).checked_sub(1)?;
        self.table(dimension).names.get(index)
    }

    pub fn value(&self, dimension: Dimension, name: &str) -> Option<ValueId> {
        self.table(dimension).number(name)
    }

    fn table(&self, dimension: Dimension) -> &NameTable {
        &self.names[dimension as usize - 1]
    }

    fn find(&self, combination: &Combination) -> Option<SeriesId> {
        self.number_of(&self.series_of(combination)?)
    }

    fn within(
        &self,
        combination: &Combination,
        limits: &NameLimits,
        is_expected: impl Fn(Dimension, &str) -> bool,
    ) -> Option<(Combination, TooMany)> {
        let is_too_many = |(dimension, name): &(Dimension, &str)| {
            let table = self.table(*dimension);
            table.names.len() >= limits.of(*dimension)
                && *name != OTHER_NAMES
                && table.number(name).is_none()
                && !is_expected(*dimension, name)
        };
        let too_many: Vec<Dimension> =
            names_of(combination).filter(is_too_many).map(|(dimension, _)| dimension).collect();
        let others = |dimensions: &[Dimension]| {
            let mut others = combination.clone();
            for dimension in dimensions {
                let name = match dimension {
                    Dimension::Project => &mut others.project,
                    Dimension::ApiKey => &mut others.api_key,
                    Dimension::Model => &mut others.model,
                    Dimension::Provider => &mut others.provider,
                    Dimension::Source => others.source.get_or_insert_default(),
                };
                OTHER_NAMES.clone_into(name);
            }
            others
        };
        let why = too_many.first().map(|dimension| TooMany::Names(*dimension));
        let known = others(&too_many);
        if self.series.len() >= limits.combinations && self.find(&known).is_none() {
            return Some((others(&DIMENSIONS), why.unwrap_or(TooMany::Combinations)));
        }
        Some((known, why?))
    }

    fn create(
        &mut self,
        organization: OrganizationId,
        combination: &Combination,
        writer: &Writer,
    ) -> Result<SeriesId, StoreError> {
        for (dimension, name) in names_of(combination) {
            let table = &mut self.names[dimension as usize - 1];
            if table.number(name).is_none() {
                let value = table.push(name);
                writer.put_name(organization, Some(dimension), name, value.0)?;
            }
        }
        let series = self.series_of(combination).expect("every name has a number by now");
        let id = self.push_series(series);
        writer.put_series(organization, id, &series)?;
        Ok(id)
    }

    fn series_of(&self, combination: &Combination) -> Option<Series> {
        let value = |dimension, name: &str| self.value(dimension, name);
        Some(Series {
            project: value(Dimension::Project, &combination.project)?,
            api_key: value(Dimension::ApiKey, &combination.api_key)?,
            model: value(Dimension::Model, &combination.model)?,
            provider: value(Dimension::Provider, &combination.provider)?,
            source: match &combination.source {
                Some(source) => value(Dimension::Source, source)?,
                None => ValueId::NONE,
            },
            mode: combination.mode,
            cost_source: combination.cost_source,
        })
    }
}

impl NameTable {
    fn number(&self, name: &str) -> Option<ValueId> {
        self.numbers.find(name, |index| self.names[index as usize] == *name).map(|index| ValueId(index + 1))
    }

    fn push(&mut self, name: &str) -> ValueId {
        let index = self.names.len() as u32;
        self.names.push(name);
        self.numbers.insert(name, index);
        ValueId(index + 1)
    }
}

fn names_of(combination: &Combination) -> impl Iterator<Item = (Dimension, &str)> {
    [
        (Dimension::Project, Some(combination.project.as_str())),
        (Dimension::ApiKey, Some(combination.api_key.as_str())),
        (Dimension::Model, Some(combination.model.as_str())),
        (Dimension::Provider, Some(combination.provider.as_str())),
        (Dimension::Source, combination.source.as_deref()),
    ]
    .into_iter()
    .filter_map(|(dimension, name)| Some((dimension, name?)))
}

pub(super) fn encode_series(series: &Series) -> [u8; 21] {
    let mut bytes = [0; 21];
    for (i, dimension) in DIMENSIONS.into_iter().enumerate() {
        bytes[4 * i..4 * i + 4].copy_from_slice(&series.value(dimension).0.to_be_bytes());
    }
    bytes[20] = series.mode as u8 | (series.cost_source as u8) << 1;
    bytes
}

fn decode_series(bytes: &[u8]) -> Option<Series> {
    let value = |i: usize| keys::read_u32(bytes, 4 * i).map(ValueId);
    let flags = *bytes.get(20).filter(|_| bytes.len() == 21)?;
    let cost_source = match flags >> 1 {
        0 => CostSource::Reported,
        1 => CostSource::Priced,
        2 => CostSource::Unpriced,
        3 => CostSource::Unmeasured,
        4 => CostSource::PricedByCall,
        _ => return None,
    };
    Some(Series {
        project: value(0)?,
        api_key: value(1)?,
        model: value(2)?,
        provider: value(3)?,
        source: value(4)?,
        mode: if flags & 1 == 0 { Mode::Credits } else { Mode::ApiKeys },
        cost_source,
    })
}

type BytesTable = ReadOnlyTable<&'static [u8], &'static [u8]>;

pub(super) fn load(names: &BytesTable, series: &BytesTable) -> Result<Dictionary, StoreError> {
    let mut dictionary = Dictionary::default();
    // Keys are in order of names, numbers were given in order of arrival: those of a dimension are put in their places.
    let (mut of, mut by_number) = ((0, 0), Vec::new());
    for entry in names.iter()? {
        let (key, value) = entry?;
        let parsed = (|| {
            let organization = keys::read_u32(key.value(), 0)?;
            let (dimension, name) = key.value().get(4..)?.split_first()?;
            let name = std::str::from_utf8(name).ok()?;
            Some(((organization, *dimension), keys::read_u32(value.value(), 0)?, name.to_owned()))
        })();
        let (next, number, name) = parsed.ok_or_else(|| damaged("a name"))?;
        if of != next {
            dictionary.take(of, std::mem::take(&mut by_number))?;
            of = next;
        }
        by_number.push((number, name));
    }
    dictionary.take(of, by_number)?;
    for entry in series.iter()? {
        let (key, value) = entry?;
        let organization = keys::read_u32(key.value(), 0)
            .and_then(|o| Arc::get_mut(dictionary.organizations.get_mut((o as usize).checked_sub(1)?)?))
            .ok_or_else(|| damaged("a series' organization"))?;
        let number = keys::read_u32(key.value(), 4).filter(|n| *n as usize == organization.series.len());
        let (Some(number), Some(series)) = (number, decode_series(value.value())) else {
            return Err(damaged("a series"));
        };
        let known = DIMENSIONS.iter().all(|d| series.value(*d).0 as usize <= organization.count(*d))
            && series.api_key != ValueId::NONE;
        if !known {
            return Err(damaged("a series with a name that does not exist"));
        }
        if organization.list_series(series) != SeriesId(number) {
            return Err(damaged("the numbering of series"));
        }
    }
    for organization in dictionary.organizations.iter_mut() {
        let names = Arc::get_mut(organization).expect("nobody else has it yet");
        names.series_numbers = Index::of(names.series.iter());
    }
    Ok(dictionary)
}
