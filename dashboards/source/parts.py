"""What the dashboards have in common: how panels look, colours that mean something, and honest queries."""

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.models import common as look
from grafana_foundation_sdk.models import dashboard as model

DATASOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")

GOOD, WARN, BAD, CALM = "green", "orange", "red", "blue"

# One colour for a word wherever it stands, by label. Kinds of targets have shades that are no status.
COLOURS = {
    "status": {"completed": "green", "failed": "red", "timed_out": "orange"},
    "quantile": {"95 % take less": "purple", "half take less": "blue"},
    "outcome": {"success": "green", "failure": "red"},
    "report_status": {
        "success": "green", "failed": "red", "timeout": "orange", "running": "blue", "prepared": "light-blue",
        "none": "#7b8087", "unknown": "#7b8087",
    },
    "target_type": {
        "snapshot": "#5794F2", "image": "#B877D9", "user_snapshot": "#8AB8FF", "user_image": "#DEB6F2", "nas": "#1F78C1",
        "sandbox": "#8F3BB8", "security_fix": "#6ED0E0", "unknown": "#7b8087",
    },
}

# What the variables choose, and the statuses of a scan that did not do its work.
OF_SOURCE = 'source=~"$source"'
CHOSEN = 'source=~"$source", target_type=~"$target_type"'
FAILING = 'status=~"failed|timed_out"'
TARGET = "source, target_type, target"

# Where docs/runbooks.md is read; the variable `runbooks` of each dashboard.
RUNBOOKS = "https://git.example.com/agentless-exporter/blob/main/docs/runbooks.md"


def coloured(label, panel):
    """Gives the series of a panel, which are named by that label, their colours."""
    for name, colour in COLOURS[label].items():
        fixed = model.DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": colour})
        panel.override_by_name(name, [fixed])
    return panel


# Queries

def fresh(series):
    """`series` of the sources that have fresh data."""
    return f"{series} and on (source) (agentless_exporter_source_up == 1)"


def if_fresh(query):
    """`query` where all sources have fresh data, else nothing: then the panel says so instead of showing a
    figure that leaves sources out."""
    return f"{query} and on () (min(agentless_exporter_source_up{{{OF_SOURCE}}}) == 1)"


def bad_or_fresh(query):
    """A count of what is bad: shown when it is not 0, and 0 only where all sources have fresh data."""
    return f"{query} > 0 or {if_fresh(query)}"


def zero_if_fresh(query):
    """`query`, and where it has nothing 0, if all sources have fresh data."""
    return f"{query} or on () (min(agentless_exporter_source_up{{{OF_SOURCE}}}) == 1) * 0"


def share(part, whole):
    """`part` of `whole`, infinite where there is nothing to have a part of: not 0, and not absent as if stale."""
    return f"{if_fresh(f'{part} / ({whole} > 0)')} or on () (min(agentless_exporter_source_up{{{OF_SOURCE}}}) == 1) * Inf"


def causes(label, rates, all_rates=None):
    """The sums of `rates` by a label where they are not 0; 0 with the label "none" where all are."""
    none = f'label_replace(sum({all_rates or rates}) * 0, "{label}", "none", "", "")'
    return Query(f"sum by ({label}) ({rates}) > 0 or on () {none}", f"{{{{{label}}}}}")


def named(series):
    """`series` of single targets with their names; where names are not shown, the target stands for them."""
    on = f"on ({TARGET})"
    info = f"{series} * {on} group_left (instance_name, target_name) agentless_scan_target_info"
    return f'{info} or {on} label_replace({series}, "instance_name", "$1", "target", "(.*)")'


def quantile(q, histogram, by=""):
    """A quantile over the last hour: scans and polls are too few for the few minutes of a rate."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({q}, sum by ({labels}) (rate({histogram}[1h])))"


# Panels

class Query:
    """A query with its legend."""

    def __init__(self, expr, legend=""):
        self.expr, self.legend = expr, legend


def queries(given, instant, as_table=False):
    if isinstance(given, str):
        given = Query(given)
    if isinstance(given, Query):
        given = [given]
    for ref, query in zip("ABCDEFGHIJKLMNOP", given):
        built = prometheus.Dataquery().expr(query.expr).ref_id(ref).legend_format(query.legend)
        built = built.instant() if instant else built.range()
        yield built.format("table") if as_table else built


def base(panel, title, description, unit, span, height):
    panel = panel.title(title).description(description).unit(unit).span(span).height(height)
    return panel.datasource(DATASOURCE)


def steps(good, *limits):
    """Thresholds: the colour below the first limit, then (limit, colour) upwards."""
    found = [model.Threshold(value=None, color=good)]
    found += [model.Threshold(value=limit, color=colour) for limit, colour in limits]
    return dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(found)


def null_as(shown):
    """What stands in place of a figure that there is not: a warning, as no data is no good news."""
    result = model.ValueMappingResult(text=shown, color=WARN, index=0)
    options = model.DashboardSpecialValueMapOptions(match=model.SpecialValueMatch.NULL, result=result)
    return model.SpecialValueMap(options=options)


def words(meanings):
    """Shows values as words: {"0": ("no", BAD)}."""
    shown = {
        value: model.ValueMappingResult(text=word, color=colour, index=index)
        for index, (value, (word, colour)) in enumerate(meanings.items())
    }
    return model.ValueMap(options=shown)


def big(title, description, query, unit="none", colours=None, meanings=None, decimals=None, absent="stale",
        runbook=None):
    """One figure. Without data it says `absent`, in the colour of a warning and never in that of health."""
    panel = base(stat.Panel(), title, description, unit, 4, 4)
    mappings = [null_as(absent)]
    if meanings:
        mappings.append(words(meanings))
    if decimals is not None:
        panel.decimals(decimals)
    if runbook:
        panel.links([
            dashboard.DashboardLink("What to do").type(model.DashboardLinkType.LINK).target_blank(True)
            .url(f"${{runbooks}}#{runbook.lower()}")
        ])
    for one in queries(query, instant=True):
        panel.with_target(one)
    return (
        panel.thresholds(colours or steps(CALM)).mappings(mappings)
        .color_scheme(dashboard.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
        .color_mode(look.BigValueColorMode.BACKGROUND_SOLID if colours else look.BigValueColorMode.VALUE)
        .graph_mode(look.BigValueGraphMode.NONE).text_mode(look.BigValueTextMode.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )


def bars(title, description, query, unit, colours=None, span=8, height=8, top=None):
    """A bar for each series, by name; `top` is the value of a whole bar."""
    panel = base(bargauge.Panel(), title, description, unit, span, height).min(0)
    if top is not None:
        panel.max(top)
    for one in queries(query, instant=True):
        panel.with_target(one)
    panel = (
        panel.thresholds(colours or steps(CALM)).mappings([null_as("none, or stale")])
        .display_mode(look.BarGaugeDisplayMode.BASIC).orientation(look.VizOrientation.HORIZONTAL)
        .name_placement(look.BarGaugeNamePlacement.LEFT).show_unfilled(True)
        .sizing(look.BarGaugeSizing.MANUAL).min_viz_height(16).max_viz_height(30)
        .text(common.VizTextDisplayOptions().title_size(13).value_size(15))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )
    return panel.color_scheme(dashboard.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))


def lines(title, description, query, unit, span=8, height=8, stacked=False, least=0, top=None, dashed=None, hue=None, interval=None):
    """Lines over time; gaps where there was no data. Legends that end in `dashed` are limits, drawn so. `interval` is
    the least step, for what happens seldom."""
    panel = base(timeseries.Panel(), title, description, unit, span, height)
    if least is not None:
        panel.min(least)
    for one in queries(query, instant=False):
        panel.with_target(one)
    if top is not None:
        panel.max(top)
    panel = (
        panel.line_width(1 if stacked else 2).fill_opacity(45 if stacked else 0)
        .show_points(look.VisibilityMode.NEVER).span_nulls(False)
        .legend(
            common.VizLegendOptions().show_legend(True).display_mode(look.LegendDisplayMode.LIST)
            .placement(look.LegendPlacement.BOTTOM).calcs([])
        )
        .tooltip(common.VizTooltipOptions().mode(look.TooltipDisplayMode.MULTI).sort(look.SortOrder.DESCENDING))
    )
    if unit in ("none", "reqps"):
        panel.axis_soft_max(1)
    if hue:
        panel.color_scheme(dashboard.FieldColor().mode(model.FieldColorModeId.SHADES).fixed_color(hue))
    else:
        panel.color_scheme(dashboard.FieldColor().mode(model.FieldColorModeId.PALETTE_CLASSIC))
    if interval:
        panel.interval(interval)
    if stacked:
        panel.stacking(common.StackingConfig().mode(look.StackingMode.NORMAL).group("A"))
    if dashed:
        panel.override_by_regexp(f"/{dashed}$/", [
            model.DynamicConfigValue(id_val="custom.lineStyle", value={"fill": "dash", "dash": [8, 6]}),
            model.DynamicConfigValue(id_val="custom.fillOpacity", value=0),
            model.DynamicConfigValue(id_val="custom.lineWidth", value=1),
            model.DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": "#7b8087"}),
        ])
    return panel


class Column:
    """A column: the field that it shows, its title, and what overrides its looks."""

    def __init__(self, field, title, width=None, **overrides):
        self.field, self.title, self.width, self.overrides = field, title, width, overrides


def rows(title, description, query, columns, empty, span=24, height=10, sort=None):
    """A table of the merged queries, of these columns in this order."""
    panel = base(table.Panel(), title, description, "none", span, height).no_value(empty).align("left")
    for one in queries(query, instant=True, as_table=True):
        panel.with_target(one)
    shown = {column.field: column for column in columns}
    panel.with_transformation(model.DataTransformerConfig(id_val="merge", options={}))
    panel.with_transformation(model.DataTransformerConfig(id_val="organize", options={
        "includeByName": {field: True for field in shown},
        "indexByName": {field: index for index, field in enumerate(shown)},
        "renameByName": {field: column.title for field, column in shown.items()},
    }))
    for column in columns:
        values = {**({"custom.width": column.width} if column.width else {}), **column.overrides}
        if values:
            panel.override_by_name(
                column.title, [model.DynamicConfigValue(id_val=key, value=value) for key, value in values.items()]
            )
    if sort:
        panel.sort_by([common.TableSortByFieldState().display_name(sort).desc(False)])
    return panel


COLOURED = {"type": "color-text"}
# For links only: the first is read by Grafana 11, the second by those after it.
HIDDEN = {"custom.hidden": True, "custom.hideFrom": {"viz": True}}


def in_words(meanings):
    """The overrides of a column whose values are words with a colour."""
    shown = {value: {"text": word, "color": colour, "index": i} for i, (value, (word, colour)) in enumerate(meanings.items())}
    return {"mappings": [{"type": "value", "options": shown}], "custom.cellOptions": COLOURED}


STATUS = in_words({status: (status.replace("_", " "), colour) for status, colour in COLOURS["status"].items()})


def failing_targets(span=24, height=10, details=()):
    """The table of failing targets, with more columns in `details`."""
    fails = f"agentless_scan_target_status{{{CHOSEN}, {FAILING}}}"

    def when(metric):
        return Query(f"max by ({TARGET}) (agentless_scan_target_last_{metric}_timestamp_seconds{{{CHOSEN}}} * 1000 "
                     f"and on ({TARGET}) {fails})")

    all_about = "/d/agentless-targets?var-datasource=${datasource}&var-source=${__data.fields.Source}" \
        "&var-target_type=${__data.fields.Type}&var-target=${__data.fields.Uuid}&${__url_time_range}"
    return rows(
        "Failing targets",
        "Machines and images whose latest finished scan failed or timed out, those without a good scan for longest first. "
        "Click a name for its history. metrics.targets of the configuration says which targets have rows and names.",
        [
            Query(f"max by ({TARGET}, status, instance_name, target_name) ({named(fails)})"),
            when("success"), when("finished"),
        ],
        [
            Column("instance_name", "Name", links=[{"title": "History of this target", "url": all_about}]),
            *details,
            Column("target_type", "Type", 125),
            Column("status", "Last result", 115, **STATUS),
            Column("Value #B", "Last good scan", 150, unit="dateTimeFromNow"),
            Column("Value #C", "Last scan", 150, unit="dateTimeFromNow"),
            Column("source", "Source", 140),
            Column("target", "Uuid", 310, **({} if details else HIDDEN)),
        ],
        "No target fails, or the data is stale", span, height, sort="Last good scan",
    )


# Dashboards

def choice(name, label, description, query, sort=model.VariableSort.ALPHABETICAL_ASC, regex=None):
    """A variable of the series that there are, all of them at first."""
    variable = dashboard.QueryVariable(name).label(label).description(description).datasource(DATASOURCE)
    if regex:
        variable.regex(regex)
    return (
        variable.query({"query": query, "refId": name}).refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(sort)
        .multi(True).include_all(True).all_value(".*")
        .current(model.VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


SOURCE = choice("source", "Source", "Accounts and data centres that are polled.",
                "label_values(agentless_exporter_source_up, source)")
# Of a counter, because gauges are withdrawn while data is stale.
TARGET_TYPE = choice("target_type", "Target type", "Kinds of machines and images that are scanned.",
                     'label_values(agentless_scan_tasks_finished_total{source=~"$source"}, target_type)')


def failures(types):
    """Marks failed scans on every panel. Grafana reads the keys that the SDK lacks, see build.py."""
    return (
        dashboard.AnnotationQuery().name("Failed scans").datasource(DATASOURCE).enable(True).icon_color(BAD).expr(
            "sum by (source, target_type, status) (increase(agentless_scan_tasks_finished_total{"
            f"{CHOSEN if types else OF_SOURCE}, {FAILING}}}[$__rate_interval])) > 0"
        )
    )


def build(uid, title, description, variables, panels):
    """A dashboard of rows of panels: {"title of the row": [panels]}; the row "" has no title."""
    board = (
        dashboard.Dashboard(title).uid(uid).description(description).tags(["agentless"]).timezone("browser")
        .time("now-6h", "now").refresh("1m").tooltip(model.DashboardCursorSync.CROSSHAIR)
        .link(
            dashboard.DashboardLink("Agentless").type(model.DashboardLinkType.DASHBOARDS).tags(["agentless"])
            .include_vars(True).keep_time(True)
        )
        .link(
            dashboard.DashboardLink("Runbooks").type(model.DashboardLinkType.LINK).url("${runbooks}").icon("doc")
            .tooltip("What to do when something here is red").target_blank(True)
        )
        .annotation(failures(TARGET_TYPE in variables))
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    )
    for variable in variables:
        board.with_variable(variable)
    board.with_variable(dashboard.ConstantVariable("runbooks").value(RUNBOOKS).label("Runbooks").description("Where docs/runbooks.md is read."))
    number = 1
    for row, of_row in panels.items():
        if row:
            board.with_row(dashboard.Row(row).id(number))
            number += 1
        for panel in of_row:
            board.with_panel(panel.id(number))
            number += 1
    return board.build()
