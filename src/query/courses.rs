//! What changes on the way: numbers of groups that hold from a segment on, and how several of them run side by side.

use std::collections::HashMap;

use crate::model::Segment;

/// What holds from each segment on. The first begins with time.
pub(super) type Course<T> = Vec<(Segment, T)>;

/// Numbers from here on are no numbers of groups.
pub(super) const COURSES: u32 = 1 << 31;
/// What does not count has this number.
pub(super) const NO_GROUP: u32 = u32::MAX;
/// That of a value of which only the series says which group it is of.
pub(super) const BY_SERIES: u32 = u32::MAX - 1;

/// Courses of numbers, each of which has a number itself: groups that change on the way.
#[derive(Debug, Clone, Default)]
pub(super) struct Courses {
    all: Vec<Course<u32>>,
    numbers: HashMap<Course<u32>, u32>,
}

impl Courses {
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Course<u32>> {
        self.all.iter()
    }

    /// The number that stands for a course: the only one in it, if it never changes.
    pub fn number(&mut self, mut course: Course<u32>) -> u32 {
        course.dedup_by_key(|(_, number)| *number);
        if let [(_, only)] = course[..] {
            return only;
        }
        let new = COURSES | self.all.len() as u32;
        *self.numbers.entry(course).or_insert_with_key(|course| {
            self.all.push(course.clone());
            new
        })
    }

    /// The course that a number stands for, where it is none by itself.
    pub fn get(&self, number: u32) -> Option<&Course<u32>> {
        if number < COURSES { None } else { self.all.get((number & !COURSES) as usize) }
    }

    /// The numbers that one stands for.
    pub fn all_of(&self, number: u32) -> impl Iterator<Item = u32> {
        let course = self.get(number);
        let alone = course.is_none().then_some(number);
        course.into_iter().flatten().map(|(_, number)| *number).chain(alone)
    }

    /// The same with other numbers: each by itself, or as a course among `new` ones.
    pub fn map(&self, number: u32, new: &mut Courses, mut to: impl FnMut(u32) -> u32) -> u32 {
        match self.get(number) {
            Some(course) => new.number(course.iter().map(|(from, number)| (*from, to(*number))).collect()),
            None if number >= COURSES => number,
            None => to(number),
        }
    }
}

/// What holds at a segment.
pub(super) fn at<T: Copy>(course: &[(Segment, T)], segment: Segment) -> T {
    course[course.partition_point(|(from, _)| *from <= segment) - 1].1
}

/// Visits the stretches of time in which none of some numbers changes, with what each of them is then.
pub(super) fn each_stretch(numbers: &[(u32, &Courses)], mut visit: impl FnMut(Segment, &[u32])) {
    let mut begins: Vec<Segment> = vec![Segment(0)];
    let courses: Vec<Option<&Course<u32>>> = numbers.iter().map(|(number, courses)| courses.get(*number)).collect();
    begins.extend(courses.iter().flatten().flat_map(|course| course.iter().map(|(from, _)| *from)));
    begins.sort_unstable();
    begins.dedup();
    let mut now: Vec<u32> = Vec::with_capacity(numbers.len());
    for segment in begins {
        now.clear();
        let pairs = numbers.iter().zip(&courses);
        now.extend(pairs.map(|((number, _), course)| course.map_or(*number, |course| at(course, segment))));
        visit(segment, &now);
    }
}
