"""From fMRIPrep's table to regressors."""

from pydra_diffconn.confound_models.components import NoiseComponents as NoiseComponents
from pydra_diffconn.confound_models.components import noise_components as noise_components
from pydra_diffconn.confound_models.design import ConfoundModel as ConfoundModel
from pydra_diffconn.confound_models.design import confound_design as confound_design
