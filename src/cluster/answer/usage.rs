//! Sums of usage, asked of the shard that has an organization's.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::client::{Answer, Client, ClusterError};
use super::super::places::Places;
use super::sql::{self, Time};
use crate::model::{
    COUNTS, CostSource, Day, Dimension, Measures, Mode, OrganizationId, Overflow, PicoUsd, Segment, Series, ValueId,
};
use crate::store::{Apart, Dictionary, Elsewhere, OrganizationNames, StoreError, Sum, Wanted, damaged};

/// Where an organization's usage is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    pub organization: String,
    pub shard: usize,
    /// The settings that its server knows, as part of a query.
    pub settings: &'static str,
}

/// Usage by the numbers of one dictionary.
pub struct Usage {
    pub client: Client,
    pub dictionary: Arc<Dictionary>,
    pub homes: HashMap<OrganizationId, Home>,
}

impl Usage {
    fn home(&self, organization: OrganizationId) -> Result<&Home, StoreError> {
        self.homes.get(&organization).ok_or(StoreError::Moved)
    }

    /// Sums that a shard gave stand if it says afterwards that it still is the one: before it has less of an organization than
    /// all, it is told.
    fn stand<T>(&self, home: &Home, found: T) -> Result<T, StoreError> {
        let now = Places::home_by(&self.client, home.shard, &home.organization);
        let now = now.map_err(|error| self.away(home, &error))?;
        if now == home.shard { Ok(found) } else { Err(StoreError::Moved) }
    }

    fn away(&self, home: &Home, error: &ClusterError) -> StoreError {
        StoreError::Away(format!(
            "usage of organization '{}' is on shard {}, which does not answer: {error}",
            home.organization,
            home.shard + 1
        ))
    }

    /// The segment that an answer of a moment and how often names, if there is any.
    fn moment(&self, home: &Home, query: &str) -> Result<Option<Segment>, StoreError> {
        let read = || -> Result<(u32, u64), ClusterError> {
            let mut answer = self.client.ask(home.shard, query)?;
            let at = self.client.read(home.shard, answer.u32())?;
            Ok((at, self.client.read(home.shard, answer.u64())?))
        };
        let (at, rows) = read().map_err(|error| self.away(home, &error))?;
        self.stand(home, Segment::of(i64::from(at) * 1000).filter(|_| rows > 0))
    }
}

impl Elsewhere for Usage {
    fn sums(&self, organization: OrganizationId, wanted: &Wanted) -> Result<Vec<Sum>, StoreError> {
        let home = self.home(organization)?;
        let names = self.dictionary.by_number(organization).ok_or(StoreError::Moved)?;
        let (time, query) = sql::sums(&home.organization, names, wanted, home.settings);
        let shard = home.shard;
        let mut answer = self.client.ask(shard, &query).map_err(|error| self.away(home, &error))?;
        let mut sums = Vec::new();
        loop {
            let row = answer.has_more().and_then(|more| more.then(|| Row::read(&mut answer, wanted)).transpose());
            let row = self.client.read(shard, row).map_err(|error| self.away(home, &error))?;
            let Some(row) = row else { return self.stand(home, sums) };
            let at = match time {
                Time::Piece => wanted.cuts.get(row.time as usize).copied(),
                Time::Second => Segment::of(i64::from(row.time) * 1000)
                    .and_then(|segment| wanted.cuts.partition_point(|cut| *cut <= segment).checked_sub(1))
                    .map(|piece| wanted.cuts[piece]),
            };
            let at = at.ok_or_else(|| damaged("the cluster's answer is of another time"))?;
            let measures = row.measures(wanted)?;
            sums.push((at, row.series(names)?, measures));
        }
    }

    fn first_segment(&self, organization: OrganizationId) -> Result<Option<Segment>, StoreError> {
        let home = self.home(organization)?;
        self.moment(home, &sql::first(&home.organization, home.settings))
    }

    fn newest_day(&self, organization: OrganizationId) -> Result<Option<Day>, StoreError> {
        let home = self.home(organization)?;
        Ok(self.moment(home, &sql::last(&home.organization))?.map(Segment::day))
    }
}

/// A row of an answer, in the order of its columns.
#[derive(Default)]
struct Row {
    time: u32,
    /// By dimension. Of a source that is none, none.
    names: [Option<String>; Apart::DIMENSIONS.len()],
    mode: u8,
    cost_source: u8,
    counts: [i128; COUNTS],
    cost: i128,
}

impl Row {
    fn read(answer: &mut Answer, wanted: &Wanted) -> std::io::Result<Row> {
        let mut row = Row { time: answer.u32()?, ..Row::default() };
        for (dimension, name) in Apart::DIMENSIONS.into_iter().zip(&mut row.names) {
            if wanted.apart.has(dimension) {
                let text = answer.text()?;
                let is_there = dimension != Dimension::Source || answer.u8()? == 1;
                *name = is_there.then_some(text);
            }
        }
        if wanted.apart.mode {
            row.mode = answer.u8()?;
        }
        if wanted.apart.cost_source {
            row.cost_source = answer.u8()?;
        }
        for (count, _) in row.counts.iter_mut().zip(wanted.counts).filter(|(_, wanted)| *wanted) {
            *count = answer.i128()?;
        }
        row.cost = answer.i128()?;
        Ok(row)
    }

    fn measures(&self, wanted: &Wanted) -> Result<Measures, StoreError> {
        let mut measures = Measures { cost: PicoUsd(self.cost), ..Measures::ZERO };
        for (at, count) in self.counts.iter().enumerate().filter(|(at, _)| wanted.counts[*at]) {
            measures.counts[at] = u64::try_from(*count).map_err(|_| Overflow)?;
        }
        if self.cost < 0 { Err(Overflow.into()) } else { Ok(measures) }
    }

    /// What a name has no number for yet is of a later state than the dictionary.
    fn series(&self, names: &OrganizationNames) -> Result<Series, StoreError> {
        let mut values = [ValueId::NONE; Apart::DIMENSIONS.len()];
        for ((dimension, name), value) in Apart::DIMENSIONS.into_iter().zip(&self.names).zip(&mut values) {
            if let Some(name) = name {
                *value = names.value(dimension, name).ok_or(StoreError::Moved)?;
            }
        }
        let [project, api_key, model, provider, source] = values;
        let mode = match self.mode {
            0 => Mode::Credits,
            1 => Mode::ApiKeys,
            _ => return Err(damaged("a mode in the cluster")),
        };
        let cost_source = match self.cost_source {
            0 => CostSource::Reported,
            1 => CostSource::Priced,
            2 => CostSource::Unpriced,
            3 => CostSource::Unmeasured,
            4 => CostSource::PricedByCall,
            _ => return Err(damaged("a source of costs in the cluster")),
        };
        Ok(Series { project, api_key, model, provider, source, mode, cost_source })
    }
}
