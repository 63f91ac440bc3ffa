use super::*;
use fleetwright_fleet::evaluation::{Bin, Confused, Point};

fn confused(expected: &str, found: Option<&str>, cases: u64) -> Confused {
    Confused {
        expected: expected.into(),
        found: found.map(str::to_owned),
        cases,
    }
}

#[test]
fn what_data_say_is_text_on_the_page() {
    let nasty = "<script>alert('x')</script>&\"";
    let picture =
        picture::confusion(&[confused(nasty, Some("card"), 3), confused("card", None, 1)]);
    assert!(!picture.contains("<script"), "{picture}");
    assert!(picture.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;"));
    assert!(picture.contains("no answer"));
}

#[test]
fn a_matrix_of_many_classes_still_tells_each_cell() {
    let many: Vec<Confused> = (0..150)
        .map(|class| {
            confused(
                &format!("class-{class:03}"),
                Some(&format!("class-{class:03}")),
                5,
            )
        })
        .collect();
    let picture = picture::confusion(&many);
    assert_eq!(picture.matches("class=\"right\"").count(), 150);
    assert!(picture.contains("class-007 found as class-007: 5 of 5"));
}

#[test]
fn curves_stay_inside_their_square() {
    let bins = [
        Bin::default(),
        Bin {
            cases: 10,
            confidence: 0.9,
            right: 1.0,
        },
    ];
    let picture = picture::reliability(&bins);
    assert_eq!(
        picture.matches("<circle").count(),
        1,
        "an empty bin has no point"
    );
    let point = |threshold, coverage, accuracy| Point {
        threshold,
        coverage,
        accuracy,
        error: 1.0 - accuracy,
        error_low: 0.0,
        error_high: 1.0 - accuracy,
    };
    let picture = picture::coverage(&[point(0.1, 1.0, 0.8), point(0.9, 0.5, 1.0)]);
    assert!(
        picture.contains("points=\"364.0,330.0 204.0,10.0\""),
        "{picture}"
    );
}

#[test]
fn each_tenth_of_coverage_has_one_threshold_with_its_interval() {
    let points: Vec<Point> = (0..40)
        .map(|place| Point {
            threshold: f64::from(place) / 40.0,
            coverage: 1.0 - f64::from(place) / 40.0,
            accuracy: 0.9,
            error: 0.1,
            error_low: 0.06,
            error_high: 0.14,
        })
        .collect();
    let table = thresholds(&points);
    assert_eq!(
        table.matches("<tr>").count(),
        11,
        "with the header: {table}"
    );
    assert!(table.contains("6.0 % – 14.0 %"), "{table}");
    assert_eq!(thresholds(&points[..1]), "");
}
