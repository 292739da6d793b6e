"""The table of all remarks. Each before is a piece of a program that gets the remark.

HB0: files. HB1: uses of hyperopt, and what other ways off it do with them. HB200 to HB220: what is
left as it is. HB221 to HB239: what is rewritten and is to be known. HB24: `migrate --run`. HB25:
what the user wants left. HB299: a fault of this tool.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hyperbridge.migrate.remark import Remark

_FILES = (
    Remark(
        "HB001",
        "A file cannot be read or written",
        "The file is missing, read-only, no Python that parses, or in an encoding that is not"
        " its own.",
        "Nothing in it was looked at, so hyperopt may be used there. The message says what is"
        " wrong.",
        before="print 'best', hyperopt.fmin",
        after="print('best', hyperopt.fmin)",
    ),
    Remark(
        "HB002",
        "A cell of a notebook does not parse",
        "A notebook goes on after a cell that is no Python, and so does this tool: what the cell"
        " says counts for nothing.",
        "Mend the cell, and start again: it may change a space or look at a result.",
    ),
)

_USES = (
    Remark(
        "HB101",
        "An import of hyperopt",
        "A statement imports hyperopt, or hyperbridge's names for it.",
        "`migrate` takes it out when nothing of the file needs it any more.",
        before="from hyperopt import fmin",
        exactness="use",
    ),
    Remark(
        "HB102",
        "A search space",
        "A part of a search space, or a function that works on one.",
        "`migrate` writes it as a function of the trial, where it stands.",
        before='space = {"x": hp.uniform("x", 0, 1)}',
        exactness="use",
    ),
    Remark(
        "HB103",
        "A call of fmin",
        "A search.",
        "`migrate` writes it in the new engine's own terms, or says why not.",
        before="best = fmin(objective, space, algo=tpe.suggest, max_evals=20)",
        exactness="use",
    ),
    Remark(
        "HB104",
        "SparkTrials",
        "Trials that run on Spark's executors.",
        "They go on there with hyperbridge, or with `migrate --to spark`.",
        before="trials = SparkTrials(parallelism=4)",
        exactness="use",
    ),
    Remark(
        "HB105",
        "An algorithm",
        "The algorithm of a search.",
        "`tpe.suggest` and `rand.suggest` have counterparts in every engine.",
        before="best = fmin(objective, space, algo=rand.suggest, max_evals=20)",
        exactness="use",
    ),
    Remark(
        "HB106",
        "Trials",
        "An object that holds the trials of a search.",
        "A study, or a ResultGrid, takes its place.",
        before="trials = Trials()",
        exactness="use",
    ),
    Remark(
        "HB107",
        "MLflow beside hyperopt",
        "A call of MLflow in a file that uses hyperopt.",
        "It stays. What a search logs by itself is written out by `migrate`.",
        before="import mlflow\nmlflow.log_metric('loss', 1.0)",
        exactness="use",
    ),
    Remark(
        "HB108",
        "Another use of hyperopt",
        "Something of hyperopt's that is none of the above, such as a status.",
        "Most of them have a counterpart; the columns of `scan` say which.",
        before='result = {"loss": 1.0, "status": STATUS_OK}',
        exactness="use",
    ),
    Remark(
        "HB111",
        "Optuna has no such algorithm",
        "`--backend optuna` finds no sampler for this algorithm.",
        "Choose one of Optuna's samplers as `algo`, or another backend, which runs hyperopt's own.",
        before="best = fmin(objective, space, algo=anneal.suggest, max_evals=20)",
        after="best = fmin(objective, space, algo=optuna.samplers.CmaEsSampler(), max_evals=20)",
        exactness="use",
    ),
    Remark(
        "HB112",
        "A part of hyperopt that has no counterpart",
        "MongoTrials, IPythonTrials and objectives that work on hyperopt's own graph.",
        "They are backends of their own, or see hyperopt's inside. Use Trials, and `--backend` to"
        " run trials elsewhere.",
        before="from hyperopt.mongoexp import MongoTrials\ntrials = MongoTrials('mongo://db')",
        after="trials = Trials()",
        exactness="use",
    ),
    Remark(
        "HB113",
        "An objective changes what the program reads",
        "The objective fills a list or a variable of the program's. The trials of Spark and Ray run"
        " in other processes, in which the change is lost.",
        "Return the value in the objective's dict, and read it from `trials.results`.",
        before=(
            "seen = []\n\n\ndef watched(p):\n    seen.append(p)\n    return p['x']\n\n\n"
            "fmin(watched, space, algo=tpe.suggest, max_evals=20)\nprint(seen)"
        ),
        after="return {'loss': p['x'], 'status': STATUS_OK, 'seen': p}",
        exactness="use",
    ),
    Remark(
        "HB114",
        "An objective uses Spark, which workers do not have",
        "The objective uses a SparkSession, a DataFrame or a model of MLlib. With `--backend"
        " spark`, `--backend ray` or SparkTrials it runs on workers, where there is no Spark.",
        "Take plain Trials and the default backend: trials run on the driver, and the Spark jobs"
        " that they start are distributed.",
        before=(
            "from pyspark.sql import SparkSession\n\n"
            "spark = SparkSession.builder.getOrCreate()\n\n\n"
            "def counted(p):\n    return p['x'] * spark.range(9).count()\n\n\n"
            "best = fmin(counted, space, algo=tpe.suggest, max_evals=20)"
        ),
        after="hyperbridge run train.py",
        exactness="use",
    ),
)

_LEFT = (
    Remark(
        "HB201",
        "The arguments of fmin are not written out",
        "fmin is called with `*`, with a `**` whose content is not one dict of the program, with an"
        " argument that it does not have, with `pruner`, `trial_timeout` or `repeats`, which"
        " nothing is written for, or without fn and space.",
        "What is searched, and how, is known when the program runs only. Write the arguments"
        " out, by"
        " name.",
        before="best = fmin(objective, space, *more)",
        after="best = fmin(objective, space, algo=tpe.suggest, max_evals=20)",
    ),
    Remark(
        "HB202",
        "The algorithm is not hyperopt's TPE or random search",
        "`algo` is a function of the program's own, or has options that are not known.",
        "What it proposes is its own matter. Write it as a sampler of the new engine, or keep"
        " it and"
        " run it with hyperbridge.",
        before="best = fmin(objective, space, algo=my_suggest, max_evals=20)",
        after="study = optuna.create_study(sampler=MySampler())",
    ),
    Remark(
        "HB203",
        "The Trials are more than Trials",
        "A subclass of Trials, MongoTrials, points made by generate_trials_to_calculate for several"
        " calls of fmin, or a SparkTrials whose options are not seen where fmin is called.",
        "They have rules of their own, which a study does not have: a study with a storage, a"
        " callback, or `study.enqueue_trial` takes their place.",
        before=(
            "class Mine(Trials):\n    pass\n\n\n"
            "best = fmin(objective, space, algo=tpe.suggest, max_evals=20, trials=Mine())"
        ),
        after="study = optuna.create_study(storage='sqlite:///study.db')",
    ),
    Remark(
        "HB204",
        "The objective takes expr, memo and ctrl",
        "`pass_expr_memo_ctrl` hands hyperopt's own graph to the objective.",
        "There is no such graph in the new engine: let the objective take a point.",
        before=(
            "best = fmin(objective, space, algo=tpe.suggest, max_evals=20,"
            " pass_expr_memo_ctrl=True)"
        ),
        after="best = fmin(objective, space, algo=tpe.suggest, max_evals=20)",
    ),
    Remark(
        "HB205",
        "The trials are saved to a file",
        "`trials_save_file` keeps the Trials as a pickle, and goes on with it.",
        "A study goes on from its storage: `create_study(storage=..., study_name=...,"
        " load_if_exists=True)`. Which storage is yours to choose.",
        before=(
            "best = fmin(objective, space, algo=tpe.suggest, max_evals=20,"
            " trials_save_file='t.pkl')"
        ),
        after="study = optuna.create_study(\n"
        "    storage='sqlite:///study.db', study_name='tuning', load_if_exists=True\n)",
    ),
    Remark(
        "HB206",
        "An option is computed",
        "`catch_eval_exceptions`, `return_argmin`, `tracking` or the options of a backend are known"
        " when the program runs only.",
        "The new code is another one for each value. Write True or False.",
        before=(
            "best = fmin(objective, space, algo=tpe.suggest, max_evals=20, return_argmin=flag)"
        ),
        after="best = fmin(objective, space, algo=tpe.suggest, max_evals=20)",
    ),
    Remark(
        "HB207",
        "Where the space comes from is not seen",
        "The space is unpickled, comes from another package, or from code that is not in these"
        " files; or a space and its parts are kept in one place; or the program looks at it as a"
        " dict, such as for its keys, which a function of the trial does not have.",
        "A space is rewritten where it is built. Give `migrate` the folder, so that it sees all"
        " files,"
        " or write the space out.",
        before="best = fmin(objective, load_space('x'), algo=tpe.suggest, max_evals=20)",
        after='space = {"x": hp.uniform("x", 0, 1)}',
    ),
    Remark(
        "HB208",
        "fmin stands where no statements fit",
        "fmin is called in a condition, in a definition, or beside other statements on its"
        " line; or the"
        " new code needs a name that is the program's own there.",
        "A search takes several statements in the new engine. Give the call a line of its own.",
        before="if best := fmin(objective, space, algo=tpe.suggest, max_evals=20) or {}:\n    pass",
        after="best = fmin(objective, space, algo=tpe.suggest, max_evals=20)\nif best:\n    pass",
    ),
    Remark(
        "HB209",
        "A part of the space has no counterpart",
        "A function of hyperopt's graph that has no counterpart, or arguments that hyperopt or"
        " the new"
        " engine refuse, such as a low end above the high one.",
        "The message names the label. Write the value with plain Python, or correct the arguments.",
        before=(
            "best = fmin(objective, {'x': hp.uniform('x', 2, 1)}, algo=tpe.suggest, max_evals=9)"
        ),
        after="best = fmin(objective, {'x': hp.uniform('x', 1, 2)}, algo=tpe.suggest, max_evals=9)",
    ),
    Remark(
        "HB210",
        "MLflow runs of the objective's own cannot be placed",
        "The objective starts MLflow runs itself, in a way that does not say which search they"
        " belong"
        " to, or logs on executors.",
        "In the new engine trials run in other threads or processes, where the active run is"
        " not seen."
        " Give `start_run` the `experiment_id` and the `parent_run_id` of the search.",
        before=(
            "import mlflow\n\n\ndef logged(p):\n"
            "    with mlflow.start_run(run_id='1'):\n        return p['x']\n\n\n"
            "best = fmin(logged, space, algo=tpe.suggest, max_evals=20, trials=SparkTrials())"
        ),
        after="with mlflow.start_run(nested=True, parent_run_id=parent, experiment_id=experiment):",
    ),
    Remark(
        "HB211",
        "Points to begin with are held in another form",
        "The study holds a quantile, or a number before rounding, where hyperopt's point has"
        " the value.",
        "Queue these points by hand, as the study holds them.",
        before=(
            "best = fmin(\n    objective,\n    {'x': hp.normal('x', 0, 1)},\n"
            "    algo=tpe.suggest,\n    max_evals=20,\n    points_to_evaluate=[{'x': 0.5}],\n)"
        ),
        after="study.enqueue_trial({'x': NormalDist(0, 1.5).cdf(0.5)})",
    ),
    Remark(
        "HB212",
        "A look at the Trials has no answer in a study",
        "The program reads or changes something of a Trials that a study does not have, such as"
        " attachments or documents put in by hand.",
        "The code would fail after the search. Ask the study by hand: the guide on names says where"
        " things are.",
        before=(
            "trials = Trials()\nbest = fmin(objective, space, algo=tpe.suggest, max_evals=20,"
            " trials=trials)\nprint(trials.attachments)"
        ),
        after="print([t.user_attrs for t in study.trials])",
    ),
    Remark(
        "HB213",
        "It shares its space with a search that is left",
        "Two searches have a space from the same code, and one of them cannot be rewritten.",
        "The code that builds the space cannot be both. See the remark of the other search.",
        before=(
            "best = fmin(objective, space, algo=tpe.suggest, max_evals=20)\n"
            "other = fmin(objective, space, algo=my_suggest, max_evals=20)"
        ),
    ),
    Remark(
        "HB214",
        "It is left because its search is",
        "A use of a space or of a result whose search is left as it is.",
        "It goes when the search goes.",
        before=(
            "best = fmin(objective, space, algo=my_suggest, max_evals=20)\n"
            "print(space_eval(space, best))"
        ),
    ),
    Remark(
        "HB215",
        "A use of hyperopt that belongs to no search",
        "A name of hyperopt's is used apart from a search, or imported and not used in these"
        " files.",
        "Another program may need it. Rewrite the line by hand, or take the import out.",
        before="import hyperopt\n\nprint(hyperopt.__version__)",
        after="import optuna\n\nprint(optuna.__version__)",
    ),
    Remark(
        "HB216",
        "A label is used by two parameters",
        "Two parameters of one space have the same label, which hyperopt refuses.",
        "The original raises an error when it runs. Give them two labels.",
        before=(
            "best = fmin(objective, {'a': hp.uniform('x', 0, 1), 'b': hp.uniform('x', 0, 1)},"
            " algo=tpe.suggest, max_evals=20)"
        ),
        after="{'a': hp.uniform('x', 0, 1), 'b': hp.uniform('y', 0, 1)}",
    ),
    Remark(
        "HB217",
        "Something is changed after the space is built from it",
        "A list of the program's is a part of the space, and changed later; or a parameter is taken"
        " out of the space again, or replaced by something else.",
        "hyperopt kept what it held when the space was built; a function of the trial would see the"
        " change. Change a copy. A trial is asked for a parameter before it is taken out or"
        " replaced: leave it out where the space is built.",
        before=(
            "names = ['a', 'b']\nspace = {'x': hp.choice('x', names)}\nnames.append('c')\n"
            "best = fmin(objective, space, algo=tpe.suggest, max_evals=20)"
        ),
        after="more = [*names, 'c']",
    ),
    Remark(
        "HB218",
        "The objective uses a part of Spark that is on the driver alone",
        "The objective uses a SparkSession, a DataFrame, a broadcast that the driver makes, or a"
        " model of MLlib; `--to spark` would run it on executors, `--to ray` in other processes.",
        "Executors cannot start Spark jobs. `migrate --to optuna` runs trials on the driver, where"
        " they start Spark jobs of their own.",
        before=(
            "from pyspark.sql import SparkSession\n\n"
            "spark = SparkSession.builder.getOrCreate()\n\n\n"
            "def counted(p):\n    return p['x'] * spark.range(9).count()\n\n\n"
            "best = fmin(counted, space, algo=tpe.suggest, max_evals=20)"
        ),
        after="hyperbridge migrate train.py --to optuna",
    ),
    Remark(
        "HB219",
        "The objective changes what the program reads afterwards",
        "The objective fills a list or a variable of the program's, and its trials ran on the"
        " driver before.",
        "In another process the change is lost. Return the value in the result's dict.",
        before=(
            "seen = []\n\n\ndef watched(p):\n    seen.append(p)\n    return p['x']\n\n\n"
            "fmin(watched, space, algo=tpe.suggest, max_evals=20)\nprint(seen)"
        ),
        after="return {'loss': p['x'], 'status': STATUS_OK, 'seen': p}",
    ),
    Remark(
        "HB220",
        "The objective uses what other processes do not have",
        "An open file, a lock, a connection, a cached function of the program's own file, or the"
        " trials so far, of which `--to ray` has none.",
        "It cannot be sent to where trials run. Make it inside of the objective.",
        before=(
            "log = open('log.txt', 'w')\n\n\ndef write(p):\n    log.write('.')\n"
            "    return p['x']\n\n\nbest = fmin(write, space, algo=tpe.suggest, max_evals=20)"
        ),
    ),
)

_REWRITTEN = (
    Remark(
        "HB221",
        "An option of TPE is dropped",
        "`gamma` and `prior_weight` are numbers in hyperopt's TPE.",
        "Optuna's TPE has functions in their place, with defaults of its own:"
        " `TPESampler(gamma=...,"
        " weights=...)`.",
        before=(
            "best = fmin(objective, space, algo=partial(tpe.suggest, gamma=0.3), max_evals=20)"
        ),
        after="study = optuna.create_study()",
        exactness="changes results",
    ),
    Remark(
        "HB222",
        "TPE takes the place of another algorithm",
        "Simulated annealing, adaptive TPE, or a mixture. Where the program chooses between"
        " algorithms, each is replaced by Optuna's class for it, and the choice stays.",
        "The new engine has no such algorithm; TPE is what hyperopt's own guide advises.",
        before="best = fmin(objective, space, algo=anneal.suggest, max_evals=20)",
        after="study = optuna.create_study()",
        exactness="changes results",
    ),
    Remark(
        "HB223",
        "A normal is held as a quantile, and drawn wider at first",
        "Optuna's parameters are bounded. The study holds the quantile, a user attribute of the"
        " trial"
        " the value.",
        "TPE draws it 1.5 times as wide at first, and narrows it down, so that it finds optima"
        " in the"
        " tails. With random search nothing is wider. `--normals bounded` writes a plain"
        " suggest_float.",
        before="best = fmin(objective, {'x': hp.normal('x', 0, 1)}, algo=tpe.suggest, max_evals=9)",
        after="suggest_normal(trial, 'x', 0, 1)",
        exactness="changes results",
    ),
    Remark(
        "HB224",
        "The seed is drawn from a generator",
        "`rstate` is a generator that the program goes on with.",
        "The study's seed is drawn from it, as hyperopt does, so it must be a numpy Generator.",
        before=(
            "rng = np.random.default_rng(int('7'))\n"
            "best = fmin(objective, space, algo=tpe.suggest, max_evals=20, rstate=rng)"
        ),
        after="sampler=optuna.samplers.TPESampler(seed=int(rng.integers(2**31 - 1)))",
        exactness="exact",
    ),
    Remark(
        "HB225",
        "Trials on executors become threads of one machine",
        "SparkTrials ran on the cluster; `n_jobs` of Optuna's are threads of the driver.",
        "Three ways keep the executors: `--to spark`; `--to ray`, with Ray on the Spark"
        " cluster; and"
        " hyperbridge's Spark backend with a sampler of Optuna's.",
        before=(
            "best = fmin(objective, space, algo=tpe.suggest, max_evals=20,"
            " trials=SparkTrials(parallelism=4))"
        ),
        after="study.optimize(objective, n_trials=20, n_jobs=4, catch=(Exception,))",
        exactness="changes results",
    ),
    Remark(
        "HB226",
        "Options stand for themselves in the result",
        "fmin's result holds the index of an option; the study holds the option.",
        "The program shows the result, so that it shows the option now.",
        before=(
            "best = fmin(objective, {'x': hp.choice('x', ['a', 'b'])}, algo=tpe.suggest,"
            " max_evals=20)"
            "\nprint(best)"
        ),
        after="best = study.best_params",
        exactness="changes results",
    ),
    Remark(
        "HB227",
        "An installation of hyperopt is left",
        "A line installs hyperopt, or a file asks for it, in a form that is not rewritten:"
        " hashes, a"
        " locked or compiled file, a file that still needs it.",
        "Ask for the new engine there yourself, or lock and compile the requirements again.",
        exactness="use",
    ),
    Remark(
        "HB228",
        "Steps on a logarithmic scale are held as the number before rounding",
        "Optuna has no steps on a logarithmic scale: the study holds the number before"
        " rounding, a user"
        " attribute of the trial the rounded one.",
        "The objective gets the same values with the same odds.",
        before=(
            "best = fmin(objective, {'x': hp.qloguniform('x', 0, 3, 2)}, algo=tpe.suggest,"
            " max_evals=20)"
        ),
        after="suggest_log_steps(trial, 'x', 1, math.exp(3), step=2)",
        exactness="exact",
    ),
    Remark(
        "HB229",
        "An argument is left out",
        "`exp_key` of Trials, which nothing but a database looks at; `show_progressbar`, of which"
        " `--to spark` has none.",
        "Spark shows its jobs, and the study its trials. Documents have None for the key.",
        before=(
            "best = fmin(objective, space, algo=tpe.suggest, max_evals=20, show_progressbar=True)"
        ),
        exactness="exact",
    ),
    Remark(
        "HB230",
        "One trial at a time on Spark",
        "Plain `Trials` evaluates one trial after the other, and so does what `--to spark` writes.",
        "Raise the parallelism to use the cluster; the search is another one then.",
        before="best = fmin(objective, space, algo=tpe.suggest, max_evals=20)",
        exactness="exact",
    ),
    Remark(
        "HB231",
        "A plot looks otherwise",
        "A plot of hyperopt's becomes one of Optuna's.",
        "It shows the same trials in another way.",
        before=(
            "from hyperopt.plotting import main_plot_history\n\ntrials = Trials()\n"
            "best = fmin(objective, space, algo=tpe.suggest, max_evals=20, trials=trials)\n"
            "main_plot_history(trials)"
        ),
        after="optuna.visualization.matplotlib.plot_optimization_history(study)",
        exactness="changes results",
    ),
    Remark(
        "HB232",
        "A function is called again for each trial",
        "The space calls something whose result is not the same each time.",
        "hyperopt called it once, when the space was built; a function of the trial calls it"
        " for each"
        " trial. Call it once, before the space.",
        before=(
            "rng = np.random.default_rng(0)\nspace = {'x': hp.uniform('x', 0, rng.random())}\n"
            "best = fmin(objective, space, algo=tpe.suggest, max_evals=20)"
        ),
        after="high = rng.random()",
        exactness="changes results",
    ),
    Remark(
        "HB233",
        "Options have no probabilities in the new engine",
        "`hp.pchoice` has a probability for each option.",
        "All options are as likely at first. The sampler learns which are better.",
        before=(
            "best = fmin(objective, {'x': hp.pchoice('x', [(0.2, 'a'), (0.8, 'b')])},"
            " algo=tpe.suggest, max_evals=20)"
        ),
        after="trial.suggest_categorical('x', ['a', 'b'])",
        exactness="changes results",
    ),
    Remark(
        "HB234",
        "The objective keeps something for itself, once in each process",
        "It changes a variable that it alone looks at, or that was on workers before, too.",
        "Right for a cache. A counter, or the best loss so far, counts the trials of its process.",
        before=(
            "cache = {}\n\n\ndef load(p):\n    if 'data' not in cache:\n"
            "        cache['data'] = 1\n    return p['x']\n\n\n"
            "best = fmin(load, space, algo=tpe.suggest, max_evals=20)"
        ),
        exactness="changes results",
    ),
    Remark(
        "HB235",
        "A relative path leads to another folder",
        "The objective opens a file by a relative path.",
        "A trial of Ray's runs in a folder of its own. Make the path absolute, or set"
        " `RAY_CHDIR_TO_TRIAL_DIR=0`.",
        before=(
            "def read(p):\n    return p['x'] + len(open('data.csv').read())\n\n\n"
            "best = fmin(read, space, algo=tpe.suggest, max_evals=20)"
        ),
        exactness="changes results",
    ),
    Remark(
        "HB236",
        "Trials run side by side",
        "Trials ran one after the other, and Ray runs one per CPU.",
        "The sampler knows fewer results when it proposes. `max_concurrent_trials=1` runs them one"
        " by one. A trial that raises fails alone.",
        before="best = fmin(objective, space, algo=tpe.suggest, max_evals=20)",
        exactness="changes results",
    ),
    Remark(
        "HB237",
        "The searcher begins anew",
        "A search goes on with the trials of an earlier one.",
        "The best of all results is found, and `max_evals` counts all of them, but the searcher"
        " does not learn from earlier ones. For a space that is a dict,"
        " `OptunaSearch(points_to_evaluate=..., evaluated_rewards=...)` hands them on.",
        before=(
            "trials = Trials()\nfor total in (10, 20):\n"
            "    best = fmin(objective, space, algo=tpe.suggest, max_evals=total, trials=trials)"
        ),
        exactness="changes results",
    ),
)

_BOUNDED = (
    Remark(
        "HB238",
        "A normal becomes a range between two of its quantiles",
        "With `--normals bounded`, `hp.normal` and its kin become a plain `suggest_float` between"
        " their 0.1 % and 99.9 % quantiles, 3.09 standard deviations from the mean.",
        "All values in the range are as likely at first, and none outside of it is tried. Leave"
        " `--normals bounded` out for the same distribution.",
        after="trial.suggest_float('x', -3.09, 3.09)",
        exactness="changes results",
    ),
)

_DROPPED = (
    Remark(
        "HB239",
        "Points that hyperopt leaves out are tried",
        "fmin is given both `trials` and `points_to_evaluate`, and hyperopt drops the points then,"
        " in silence.",
        "They were meant to be tried, and are tried first now; the number of trials grows with"
        " them. Take the argument out to have the search that ran.",
        before=(
            "trials = Trials()\nbest = fmin(\n    objective,\n    space,\n    algo=tpe.suggest,\n"
            "    max_evals=20,\n    trials=trials,\n    points_to_evaluate=[{'x': 0.5}],\n)"
        ),
        after="study.enqueue_trial(point)",
        exactness="changes results",
    ),
)

_WISHES = (
    Remark(
        "HB251",
        "It is skipped, as a comment says",
        "A search or a statement has `# hyperbridge: skip` on one of its lines.",
        "It is left as it is, and so is a search whose rewriting would change it.",
        before="best = fmin(objective, space, algo=tpe.suggest, max_evals=20)  # hyperbridge: skip",
    ),
    Remark(
        "HB252",
        "It is left, as --exact takes exact rewrites alone",
        "The search could be rewritten, and its results would not be the same.",
        "The message has the codes of what would change. Without `--exact` it is rewritten.",
    ),
)

_CHECKS = (
    Remark(
        "HB240",
        "It was run, and is the same search",
        "`migrate --run` ran the program before and after, and compared the two searches.",
        "Their parameters, ranges, conditions, budgets and points are the same; `hyperbridge"
        " verify` says more.",
        exactness="exact",
    ),
    Remark(
        "HB241",
        "It was run, and is another search",
        "`migrate --run` found a difference. Nothing is written.",
        "The message has the differences, as `hyperbridge verify` names them. One that is meant is"
        " accepted by a comment in the program: `# verify: accept budget`. Else please report it.",
    ),
    Remark(
        "HB242",
        "It was not seen when the program was run",
        "`migrate --run` did not come to the search, or the program ended before. Nothing is"
        " written.",
        "Give the program its arguments with `--args`, or more time with `--run-timeout`; a file"
        " that is only imported is run by way of those that import it.",
    ),
    Remark(
        "HB299",
        "internal: please report this",
        "A fault of this tool, found before anything was written: what it would write does not"
        " parse,"
        " has a name that nothing defines, or an error came up on the way.",
        "The search is left as it is. Please send us the file, or a small one like it.",
    ),
)

REMARKS: Mapping[str, Remark] = MappingProxyType(
    {
        r.code: r
        for r in sorted(
            (*_FILES, *_USES, *_LEFT, *_REWRITTEN, *_BOUNDED, *_DROPPED, *_CHECKS, *_WISHES),
            key=lambda r: r.code,
        )
    }
)
"""All remarks by code, in the order of their codes."""
