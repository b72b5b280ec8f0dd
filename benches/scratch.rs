mod workload;
use rollcall::calendar::Granularity;
use rollcall::query::*;
use workload::*;
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
fn main() {
    let mut n = 0usize; let mut ev=0usize; let mut small=0;
    for d in 0..4 { for r in large_rows(d) { if r.organization==0 {n+=1} else {small+=1}; ev += r.events.len(); } }
    println!("rows/day {} small {} events/row {}", n/4, small/4, ev as f64/(n+small) as f64);
    if std::env::args().any(|a| a=="count") { 
        let mut by = vec![0; 500]; for d in (0..364).step_by(13) { for r in large_rows(d) { if r.organization==0 {by[r.key]+=13;} } }
        println!("total {} key7 {} ", by.iter().sum::<usize>(), by[7]);
        for m in [7, 20, 30,40,50, 60,80,90,99] { println!("member {m}: {} = {} {} {}", by[m]+by[m+200]+by[m+400], by[m], by[m+200], by[m+400]); }
        for k in [100,120,150,180,200,250,300,400] { println!("key {k}: {}", by[k]); }
        return }
    let large = Large::load();
    println!("file {} MB", std::fs::metadata(&large.file).unwrap().len() / 1_000_000);
    const THREE: &[Column] = &[Column::Requests, Column::TotalTokens, Column::Cost];
    if std::env::var("MICRO").is_ok() {
        use rollcall::store::Pivot; use rollcall::model::*;
        let snapshot = large.engine.snapshot();
        let org = snapshot.dictionary.organization(ORGANIZATION).unwrap().0;
        let p0 = Segment::of(LARGE_START).unwrap().period(); let p1 = Segment::of(NOW-1).unwrap().period().next();
        for pivot in [Pivot::Project, Pivot::ApiKey] {
        let mut best = [f64::MAX; 4]; let mut n = 0; let mut sum=0u64;
        for _ in 0..300 {
            let time = |i: usize, best: &mut [f64;4], f: &mut dyn FnMut()| { let s = std::time::Instant::now(); f(); best[i] = best[i].min(s.elapsed().as_secs_f64()*1e6); };
            time(0, &mut best, &mut || { n = 0; for p in p0.0..p1.0 { for cut in [37, 33] { snapshot.reader.scan_totals(org, pivot, true, cut, Period(p)..Period(p+1), |_| n += 1).unwrap(); } } });
            let mut out = [0u64; 32];
            time(1, &mut best, &mut || { for p in p0.0..p1.0 { for cut in [37, 33] { snapshot.reader.scan_totals(org, pivot, true, cut, Period(p)..Period(p+1), |t| { t.column(Column::Requests, &mut out); sum += out[3]; }).unwrap(); } } });
            time(2, &mut best, &mut || { for p in p0.0..p1.0 { for cut in [37, 33] { snapshot.reader.scan_totals(org, pivot, true, cut, Period(p)..Period(p+1), |t| { t.column(Column::Requests, &mut out); sum += out[3];  t.column(Column::TotalTokens, &mut out); sum += out[3];  t.column(Column::Cost, &mut out); sum += out[3]; }).unwrap(); } } });
            time(3, &mut best, &mut || { std::hint::black_box(snapshot.reader.periods(org, p0..p1).unwrap()); });
        }
        println!("{pivot:?} entries {n} iterate {:.1} us, one column {:.1}, three {:.1}, periods {:.1} {}", best[0], best[1], best[2], best[3], sum & 1);
        }
        return;
    }
    let only_q = std::env::var("Q").ok(); let reps: usize = std::env::var("N").ok().map_or(60, |n| n.parse().unwrap());
    for zone in ["Europe/Paris", "America/New_York", "Pacific/Auckland", "Asia/Kolkata", "Asia/Kathmandu", "UTC"] {
        let only = |by, v: &str| Filter { by: vec![(by, [v.to_string()].into())], ..Filter::default() };
        for (name, by, filter) in [
            ("A", GroupBy::Project, Filter::default()), ("B", GroupBy::Model, Filter::default()), ("C", GroupBy::ApiKey, Filter::default()), ("D", GroupBy::User, Filter::default()),
            ("E", GroupBy::Model, only(GroupBy::User, "user-7")), ("F", GroupBy::Model, only(GroupBy::ApiKey, "key-99")),
        ] {
            let query = Query { window: Large::window(zone), granularity: Granularity::Day, group_by: vec![by], filter, rank_by: RankBy::Cost, top: None, columns: THREE };
            if only_q.as_deref().is_some_and(|q| q != name) || (only_q.is_some() && zone != "Europe/Paris") { continue }
            let mut t = vec![]; let mut t2 = vec![];
            for _ in 0..reps {
                let snapshot = large.engine.snapshot();
                let about = About { reader: &snapshot.reader, dictionary: &snapshot.dictionary, directory: &snapshot.directory, organization_id: ORGANIZATION, organization: snapshot.directory.organization(ORGANIZATION).unwrap() };
                let s = std::time::Instant::now();
                sum_buckets(about, &query).unwrap();
                t.push(s.elapsed().as_secs_f64()*1e3);
                let query = Query { columns: ACTIVITY_COLUMNS, ..query.clone() };
                let s = std::time::Instant::now();
                if std::env::var("SUM").is_err() { activity(about, &query).unwrap(); }
                t2.push(s.elapsed().as_secs_f64()*1e3);
            }
            t.sort_by(f64::total_cmp); t2.sort_by(f64::total_cmp);
            println!("{zone} {name}: min {:.3} median {:.3}   activity min {:.3} median {:.3}", t[0], t[reps/2], t2[0], t2[reps/2]);
        }
    }
}
