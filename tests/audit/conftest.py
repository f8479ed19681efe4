import pytest

from synthderm.audit import fidelity
from synthderm.audit.calibration import calibrate
from synthderm.audit.copy_index import CopyIndex
from synthderm.audit.features import LayerFeatures
from tests.audit.photographs import draw_set, write_network


@pytest.fixture(scope="session", autouse=True)
def fewer_pairs():
    """Of 50 pairs for MS-SSIM, most of the time of an audit of so few images would be spent."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fidelity, "PAIRS", 4)
        yield


@pytest.fixture(scope="session")
def spec(tmp_path_factory) -> str:
    return write_network(tmp_path_factory.mktemp("network"))


@pytest.fixture(scope="session")
def network(spec) -> LayerFeatures:
    return LayerFeatures(spec)


@pytest.fixture(scope="session")
def real():
    return draw_set(60, seed=1)


@pytest.fixture(scope="session")
def holdout():
    return draw_set(40, seed=2)


@pytest.fixture(scope="session")
def index(real, network) -> CopyIndex:
    return CopyIndex(real.images, network)


@pytest.fixture(scope="session")
def holdout_layers(index, holdout):
    return index.describe(holdout.images)


@pytest.fixture(scope="session")
def known(index, holdout, holdout_layers):
    """Matches of the holdout."""
    return index.match(holdout.images, holdout_layers)


@pytest.fixture(scope="session")
def calibration(index, known):
    calibration = calibrate(index, known)
    index.threshold = calibration.threshold
    return calibration
