"""Files and arrays: what is read as what, and written as what."""

from pydra_diffconn import pydra_compat
from pydra_diffconn.files.arguments import as_array as as_array
from pydra_diffconn.files.arguments import column_names as column_names
from pydra_diffconn.files.arguments import is_file as is_file
from pydra_diffconn.files.arguments import load_argument as load_argument
from pydra_diffconn.files.arguments import load_arguments as load_arguments
from pydra_diffconn.files.arguments import naming_files as naming_files
from pydra_diffconn.files.arguments import write_outputs as write_outputs
from pydra_diffconn.files.atlases import read_labels as read_labels
from pydra_diffconn.files.atlases import read_maps as read_maps
from pydra_diffconn.files.companions import companions as companions
from pydra_diffconn.files.images import NO_MASK as NO_MASK
from pydra_diffconn.files.images import open_series as open_series
from pydra_diffconn.files.images import read_series as read_series
from pydra_diffconn.files.images import read_timeseries as read_timeseries
from pydra_diffconn.files.images import write_timeseries as write_timeseries
from pydra_diffconn.files.label_tables import label_names as label_names
from pydra_diffconn.files.opening import FileError as FileError
from pydra_diffconn.files.opening import json_of as json_of
from pydra_diffconn.files.opening import reading as reading
from pydra_diffconn.files.repetition import check_repetition_time as check_repetition_time
from pydra_diffconn.files.saving import checksum as checksum
from pydra_diffconn.files.saving import whole_file as whole_file
from pydra_diffconn.files.saving import whole_folder as whole_folder
from pydra_diffconn.files.series import ImageSeries as ImageSeries
from pydra_diffconn.files.spaces import AFFINE_TOLERANCE as AFFINE_TOLERANCE
from pydra_diffconn.files.spaces import Space as Space
from pydra_diffconn.files.spaces import convert as convert
from pydra_diffconn.files.spaces import mask_index as mask_index
from pydra_diffconn.files.spaces import restricted as restricted

pydra_compat.COMPANIONS.append(companions)
